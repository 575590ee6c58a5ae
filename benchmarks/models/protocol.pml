// SPDX-License-Identifier: GPL-2.0-only
/* The protocol of ../protocol.py by hand in Promela: the same steps, the same state variables.
 * spin -a -o1 -o3 -DN=4 -DM=2 -DZ=2 -DOPS=1 protocol.pml */
#ifndef N
#define N 4
#endif
#ifndef M
#define M 2
#endif
#ifndef Z
#define Z 2
#endif
#ifndef OPS
#define OPS 1
#endif
#define NONE 0
#define HUGE 1
#define TABLE 2
#define PMIG 3
#define PRES 1
#define MIG 2
#define PTE(m,i) pte[(m)*N+(i)]

bit pl; bit comp = 1; byte cmap = M; byte href = M;
bit ptl[M]; byte pmd[M] = HUGE; byte pte[M*N]; byte mc[N]; byte sref[N];
byte done;

inline freed_head() { assert(href > 0 || (cmap == 0 && mc[0] == 0 && mc[N-1] == 0)) }
inline put_head() { assert(href > 0); href--; freed_head() }
inline put_sub(x) { assert(sref[x] > 0); sref[x]--; assert(sref[x] > 0 || mc[x] == 0) }
inline fin() {
  done++;
  if
  :: done == Z+2 ->
     k = 0; n = 0;
     do :: k < M -> assert(ptl[k] == 0 && pmd[k] != PMIG); n = n + (pmd[k] == HUGE); k++ :: else -> break od;
     assert(pl == 0 && n == cmap);
     k = 0;
     do :: k < N ->
          q = 0; w = 0;
          do :: w < M -> assert(PTE(w,k) != MIG); q = q + (PTE(w,k) == PRES); w++ :: else -> break od;
          assert(mc[k] == q); assert(comp || sref[k] == q); n = n + q; k++
     :: else -> break od;
     assert(!comp || href == n)
  :: else
  fi; k = 0; n = 0; q = 0; w = 0
}
/* scratch, 0 between steps: not part of the state */
hidden byte k, n, q, w;

active proctype splitter() {
  byte m, i;
S0: if
    :: d_step { comp && href > 0 -> href++ }; goto S1
    :: d_step { !(comp && href > 0) -> fin() }; goto SEND
    fi;
S1: if :: d_step { pl == 0 -> pl = 1 } fi;
S3: if :: d_step { ptl[m] == 0 -> ptl[m] = 1 } fi;
S4: if
    :: pmd[m] == HUGE -> goto S5
    :: pmd[m] == TABLE -> goto S10
    :: pmd[m] == NONE || pmd[m] == PMIG -> goto S14
    fi;
S5: if :: d_step { href = href + N-1 } fi;
S6: if :: d_step { PTE(m,i) = MIG } fi;
S7: if
    :: d_step { i+1 == N -> mc[i]++; i = 0 }; goto S8
    :: d_step { i+1 <  N -> mc[i]++; i++ }; goto S6
    fi;
S8: cmap--;
S9: pmd[m] = TABLE;
S11: mc[i]--;
S12: if
    :: d_step { i+1 == N -> href--; i = 0 }; goto S14
    :: d_step { i+1 <  N -> href--; i++ }; goto S11
    fi;
S10: if
    :: d_step { PTE(m,i) == PRES -> PTE(m,i) = MIG }; goto S15
    :: d_step { PTE(m,i) != PRES && i+1 == N -> i = 0 }; goto S14
    :: d_step { PTE(m,i) != PRES && i+1 <  N -> i++ }; goto S10
    fi;
S15: mc[i]--;
S16: if
    :: d_step { i+1 == N -> href--; i = 0 }; goto S14
    :: d_step { i+1 <  N -> href--; i++ }; goto S10
    fi;
S14: if
    :: d_step { m+1 == M -> ptl[m] = 0; m = 0 }; goto S17
    :: d_step { m+1 <  M -> ptl[m] = 0; m++ }; goto S3
    fi;
S17: if
    :: d_step { href == 1 -> href = 0 }; goto S18
    :: d_step { href != 1 -> skip }; goto S20
    fi;
S18: if
    :: d_step { i+1 == N -> sref[i] = 1; i = 0 }; goto S19
    :: d_step { i+1 <  N -> sref[i] = 1; i++ }; goto S18
    fi;
S19: comp = 0;
S20: if :: d_step { ptl[m] == 0 -> ptl[m] = 1 } fi;
S21: if
    :: pmd[m] == TABLE -> goto S22
    :: pmd[m] != TABLE -> goto S26
    fi;
S22: if
    :: PTE(m,i) == MIG -> goto S23
    :: d_step { PTE(m,i) != MIG && i+1 == N -> i = 0 }; goto S26
    :: d_step { PTE(m,i) != MIG && i+1 <  N -> i++ }; goto S22
    fi;
S23: if
    :: d_step { comp -> href++ }
    :: d_step { !comp -> sref[i]++ }
    fi;
S24: mc[i]++;
S25: if
    :: d_step { i+1 == N -> PTE(m,i) = PRES; i = 0 }; goto S26
    :: d_step { i+1 <  N -> PTE(m,i) = PRES; i++ }; goto S22
    fi;
S26: if
    :: d_step { m+1 == M -> ptl[m] = 0; m = 0 }; goto S27
    :: d_step { m+1 <  M -> ptl[m] = 0; m++ }; goto S20
    fi;
S27: if
    :: d_step { comp -> pl = 0 }; goto S29
    :: d_step { !comp -> pl = 0 }; goto S28
    fi;
S28: if
    :: d_step { i+1 == N -> put_sub(i); i = 0; fin() }; goto SEND
    :: d_step { i+1 <  N -> put_sub(i); i++ }; goto S28
    fi;
S29: if :: d_step { put_head(); fin() } fi;
SEND:
end_s: false
}

active proctype migrator() {
  byte m, i, c;
G0: if
    :: d_step { comp && href > 0 -> href++ }; goto G1
    :: d_step { comp && href == 0 -> fin() }; goto GEND
    :: d_step { !comp && sref[0] > 0 -> sref[0]++; c = 0 }; goto G1
    :: d_step { !comp && sref[0] == 0 -> fin() }; goto GEND
#if N > 1
    :: d_step { !comp && sref[1] > 0 -> sref[1]++; c = 1 }; goto G1
    :: d_step { !comp && sref[1] == 0 -> fin() }; goto GEND
#endif
#if N > 2
    :: d_step { !comp && sref[2] > 0 -> sref[2]++; c = 2 }; goto G1
    :: d_step { !comp && sref[2] == 0 -> fin() }; goto GEND
#endif
#if N > 3
    :: d_step { !comp && sref[3] > 0 -> sref[3]++; c = 3 }; goto G1
    :: d_step { !comp && sref[3] == 0 -> fin() }; goto GEND
#endif
    fi;
G1: if :: d_step { pl == 0 -> pl = 1 } fi;
G2: if :: d_step { ptl[m] == 0 -> ptl[m] = 1 } fi;
G3: if
    :: pmd[m] == HUGE -> goto G4
    :: d_step { pmd[m] == TABLE && comp -> i = 0 }; goto G7
    :: d_step { pmd[m] == TABLE && !comp -> i = c }; goto G7
    :: pmd[m] == NONE || pmd[m] == PMIG -> goto G11
    fi;
G4: pmd[m] = PMIG;
G5: cmap--;
G6: href--; goto G11;
G7: if
    :: d_step { PTE(m,i) == PRES -> PTE(m,i) = MIG }; goto G8
    :: d_step { PTE(m,i) != PRES && comp && i+1 < N -> i++ }; goto G7
    :: d_step { PTE(m,i) != PRES && !(comp && i+1 < N) -> i = 0 }; goto G11
    fi;
G8: mc[i]--;
G9: if
    :: d_step { comp && i+1 < N -> href--; i++ }; goto G7
    :: d_step { comp && i+1 == N -> href--; i = 0 }; goto G11
    :: d_step { !comp -> sref[i]--; i = 0 }; goto G11
    fi;
G11: if
    :: d_step { m+1 == M -> ptl[m] = 0; m = 0 }; goto G12
    :: d_step { m+1 <  M -> ptl[m] = 0; m++ }; goto G2
    fi;
G12: if
    :: (comp && href == 1) || (!comp && sref[c] == 1) -> goto G13
    :: !((comp && href == 1) || (!comp && sref[c] == 1)) -> goto G14
    fi;
G13: if :: d_step { k = 0;
       do :: k < M -> assert(pmd[k] != HUGE); w = 0;
            do :: w < N -> assert((!comp && w != c) || PTE(k,w) != PRES); w++ :: else -> break od; k++
       :: else -> break od; k = 0; w = 0 } fi;
G14: if :: d_step { ptl[m] == 0 -> ptl[m] = 1 } fi;
G15: if
    :: pmd[m] == PMIG -> goto G16
    :: d_step { pmd[m] == TABLE && comp -> i = 0 }; goto G19
    :: d_step { pmd[m] == TABLE && !comp -> i = c }; goto G19
    :: pmd[m] == NONE || pmd[m] == HUGE -> goto G23
    fi;
G16: href++;
G17: cmap++;
G18: pmd[m] = HUGE; goto G23;
G19: if
    :: PTE(m,i) == MIG -> goto G20
    :: d_step { PTE(m,i) != MIG && comp && i+1 < N -> i++ }; goto G19
    :: d_step { PTE(m,i) != MIG && !(comp && i+1 < N) -> i = 0 }; goto G23
    fi;
G20: if
    :: d_step { comp -> href++ }
    :: d_step { !comp -> sref[i]++ }
    fi;
G21: mc[i]++;
G22: if
    :: d_step { comp && i+1 < N -> PTE(m,i) = PRES; i++ }; goto G19
    :: d_step { !(comp && i+1 < N) -> PTE(m,i) = PRES; i = 0 }; goto G23
    fi;
G23: if
    :: d_step { m+1 == M -> ptl[m] = 0; m = 0 }; goto G24
    :: d_step { m+1 <  M -> ptl[m] = 0; m++ }; goto G14
    fi;
G24: pl = 0;
G25: if
    :: d_step { comp -> put_head(); c = 0; fin() }
    :: d_step { !comp -> put_sub(c); c = 0; fin() }
    fi;
GEND:
end_g: false
}

#define my ((_pid-2) % M)
active [Z] proctype zapper() {
  byte i, j; byte ops = OPS;
Z0:
end_z: if
    :: d_step { ops > 0 -> ops--; i = 0 }
#if N > 1
    :: d_step { ops > 0 -> ops--; i = 1 }
#endif
#if N > 2
    :: d_step { ops > 0 -> ops--; i = 2 }
#endif
#if N > 3
    :: d_step { ops > 0 -> ops--; i = 3 }
#endif
    fi;
Z1: if :: d_step { ptl[my] == 0 -> ptl[my] = 1 } fi;
Z2: if
    :: pmd[my] == HUGE -> goto Z3
    :: pmd[my] == TABLE -> goto Z8
    :: pmd[my] == NONE -> goto Z13
    :: pmd[my] == PMIG -> goto Z14
    fi;
Z3: if :: d_step { href = href + N-1 } fi;
Z4: PTE(my,j) = PRES;
Z5: if
    :: d_step { j+1 == N -> mc[j]++; j = 0 }
    :: d_step { j+1 <  N -> mc[j]++; j++ }; goto Z4
    fi;
Z6: cmap--;
Z7: pmd[my] = TABLE;
Z8: if
    :: PTE(my,i) == PRES -> goto Z9
    :: PTE(my,i) == NONE -> goto Z13
    :: PTE(my,i) == MIG -> goto Z14
    fi;
Z9: PTE(my,i) = NONE;
Z10: mc[i]--;
Z11: ptl[my] = 0;
Z12: if
    :: d_step { comp && ops > 0 -> put_head(); i = 0 }; goto Z0
    :: d_step { comp && ops == 0 -> put_head(); i = 0; fin() }; goto Z0
    :: d_step { !comp && ops > 0 -> put_sub(i); i = 0 }; goto Z0
    :: d_step { !comp && ops == 0 -> put_sub(i); i = 0; fin() }; goto Z0
    fi;
Z13: if
    :: d_step { ops > 0 -> ptl[my] = 0; i = 0 }; goto Z0
    :: d_step { ops == 0 -> ptl[my] = 0; i = 0; fin() }; goto Z0
    fi;
Z14: ptl[my] = 0;
Z15: if :: d_step { pl == 0 -> skip } fi; goto Z1
}
