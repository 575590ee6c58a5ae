// SPDX-License-Identifier: GPL-2.0-only
/* The protocol of ../protocol.py by hand, as tight as it gets: what any search is measured with.
 * One atomic step per shared access; all of a state in 128 bits: a is shared memory, b the threads.
 * N subpages, M address spaces, Z zappers (zapper t works on mm t%M), OPS zaps by each. */
#include <stdint.h>
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
typedef uint64_t u64; typedef uint32_t u32; typedef uint8_t u8;

/* ---- shared word ---- */
#define PTEO(m,i) (2*((m)*N+(i)))
#define PMDO(m) (2*N*M+2*(m))
#define PTLO(m) (2*N*M+2*M+(m))
#define PLO (2*N*M+3*M)
#define COMPO (PLO+1)
#define CMAPO (PLO+2)
#define MCO(i) (PLO+4+2*(i))
#define HREFO (PLO+4+2*N)
#define SREFO(i) (HREFO+5+3*(i))
#define ABITS (SREFO(N))
_Static_assert(ABITS<=64,"shared word too wide");
#define F(w,o,n) (((w)>>(o))&((1ull<<(n))-1))
#define PUT(w,o,n,v) ((w)=((w)&~(((1ull<<(n))-1)<<(o)))|((u64)(v)<<(o)))
#define ADD(w,o,d) ((w)+=(u64)(int64_t)(d)<<(o))
#define MCZERO (F(a,MCO(0),2*N)==0)
#define PTLZERO (F(a,PTLO(0),M)==0)
typedef u64 A_t, B_t;
#define PTE(m,i) F(a,PTEO(m,i),2)
#define PMD(m) F(a,PMDO(m),2)
#define PTL(m) F(a,PTLO(m),1)
#define PL F(a,PLO,1)
#define COMP F(a,COMPO,1)
#define CMAP F(a,CMAPO,2)
#define MC(i) F(a,MCO(i),2)
#define HREF F(a,HREFO,5)
#define SREF(i) F(a,SREFO(i),3)
enum{NONE=0,HUGE=1,TABLE=2,PMIG=3}; enum{PRES=1,MIG=2};

/* ---- thread word ---- */
enum{oSPC=0,oSM=5,oSI=7,oGPC=9,oGM=14,oGI=16,oGC=18};
#define ZO(t) (20+10*(t))
#define oZI 4
#define oZJ 6
#define oZOPS 8
_Static_assert(ZO(Z)<=64,"thread word too wide");
#define SPC F(b,oSPC,5)
#define SM F(b,oSM,2)
#define SI F(b,oSI,2)
#define GPC F(b,oGPC,5)
#define GM F(b,oGM,2)
#define GI F(b,oGI,2)
#define GC F(b,oGC,2)
#define ZPC(t) F(b,ZO(t),4)
#define ZI(t) F(b,ZO(t)+oZI,2)
#define ZJ(t) F(b,ZO(t)+oZJ,2)
#define ZOPS(t) F(b,ZO(t)+oZOPS,2)
#define END 31
#define NT (2+Z)
#define T_S 0
#define T_G 1

extern void fail(const char*msg,A_t a,B_t b);
#define CHECK(c,msg) do{ if(__builtin_expect(!(c),0)) fail(msg,a,b);}while(0)

static inline int nchoice(int t,B_t b){
  if(t==T_G) return GPC==0?N:1;
  if(t>=2) return ZPC(t-2)==0?N:1;
  return 1;
}
#define SGO(p) PUT(b,oSPC,5,p)
#define SSETI(v) PUT(b,oSI,2,v)
#define SSETM(v) PUT(b,oSM,2,v)
/* splitter ------------------------------------------------------------ */
static inline int step_s(A_t*pa,B_t*pb){
  A_t a=*pa;B_t b=*pb; unsigned m=SM,i=SI;
  switch(SPC){
  case 0: if(COMP&&HREF>0){ADD(a,HREFO,1);SGO(1);} else SGO(END); break;
  case 1: if(PL) return 0; ADD(a,PLO,1); SGO(3); break;
  case 3: if(PTL(m)) return 0; ADD(a,PTLO(m),1); SGO(4); break;
  case 4: switch(PMD(m)){case HUGE:SGO(5);break;case TABLE:SGO(10);break;default:SGO(14);} break;
  case 5: ADD(a,HREFO,N-1); SGO(6); break;
  case 6: PUT(a,PTEO(m,i),2,MIG); SGO(7); break;
  case 7: ADD(a,MCO(i),1); if(i+1==N){SSETI(0);SGO(8);} else {SSETI(i+1);SGO(6);} break;
  case 8: ADD(a,CMAPO,-1); SGO(9); break;
  case 9: PUT(a,PMDO(m),2,TABLE); SGO(11); break;
  case 10: if(PTE(m,i)==PRES){PUT(a,PTEO(m,i),2,MIG);SGO(15);} else if(i+1==N){SSETI(0);SGO(14);} else SSETI(i+1); break;
  case 11: ADD(a,MCO(i),-1); SGO(12); break;
  case 12: ADD(a,HREFO,-1); if(i+1==N){SSETI(0);SGO(14);} else {SSETI(i+1);SGO(11);} break;
  case 15: ADD(a,MCO(i),-1); SGO(16); break;
  case 16: ADD(a,HREFO,-1); if(i+1==N){SSETI(0);SGO(14);} else {SSETI(i+1);SGO(10);} break;
  case 14: PUT(a,PTLO(m),1,0); if(m+1==M){SSETM(0);SGO(17);} else {SSETM(m+1);SGO(3);} break;
  case 17: if(HREF==1){PUT(a,HREFO,5,0);SGO(18);} else SGO(20); break;
  case 18: PUT(a,SREFO(i),3,1); if(i+1==N){SSETI(0);SGO(19);} else SSETI(i+1); break;
  case 19: PUT(a,COMPO,1,0); SGO(20); break;
  case 20: if(PTL(m)) return 0; ADD(a,PTLO(m),1); SGO(21); break;
  case 21: SGO(PMD(m)==TABLE?22:26); break;
  case 22: if(PTE(m,i)==MIG) SGO(23); else if(i+1==N){SSETI(0);SGO(26);} else SSETI(i+1); break;
  case 23: if(COMP) ADD(a,HREFO,1); else ADD(a,SREFO(i),1); SGO(24); break;
  case 24: ADD(a,MCO(i),1); SGO(25); break;
  case 25: PUT(a,PTEO(m,i),2,PRES); if(i+1==N){SSETI(0);SGO(26);} else {SSETI(i+1);SGO(22);} break;
  case 26: PUT(a,PTLO(m),1,0); if(m+1==M){SSETM(0);SGO(27);} else {SSETM(m+1);SGO(20);} break;
  case 27: PUT(a,PLO,1,0); SGO(COMP?29:28); break;
  case 28: CHECK(SREF(i)>0,"sref underflow"); ADD(a,SREFO(i),-1); CHECK(SREF(i)>0||MC(i)==0,"freed mapped subpage");
           if(i+1==N){SSETI(0);SGO(END);} else SSETI(i+1); break;
  case 29: CHECK(HREF>0,"href underflow"); ADD(a,HREFO,-1); CHECK(HREF>0||(CMAP==0&&MCZERO),"freed mapped page"); SGO(END); break;
  default: return 0;
  }
  *pa=a;*pb=b; return 1;
}
/* migrator ------------------------------------------------------------ */
#define GGO(p) PUT(b,oGPC,5,p)
#define GSETM(v) PUT(b,oGM,2,v)
#define GSETI(v) PUT(b,oGI,2,v)
#define GSETC(v) PUT(b,oGC,2,v)
static inline int step_g(unsigned ch,A_t*pa,B_t*pb){
  A_t a=*pa;B_t b=*pb; unsigned m=GM,i=GI,c=GC;
#define GADV(loop,out) do{ if(COMP&&i+1<N){GSETI(i+1);GGO(loop);} else {GSETI(0);GGO(out);} }while(0)
  switch(GPC){
  case 0: if(COMP){ if(ch) return 0; if(HREF>0){ADD(a,HREFO,1);GGO(1);} else GGO(END);} 
          else if(SREF(ch)>0){ADD(a,SREFO(ch),1);GSETC(ch);GGO(1);} else GGO(END); break;
  case 1: if(PL) return 0; ADD(a,PLO,1); GGO(2); break;
  case 2: if(PTL(m)) return 0; ADD(a,PTLO(m),1); GGO(3); break;
  case 3: switch(PMD(m)){case HUGE:GGO(4);break;case TABLE:GSETI(COMP?0:c);GGO(7);break;default:GGO(11);} break;
  case 4: PUT(a,PMDO(m),2,PMIG); GGO(5); break;
  case 5: ADD(a,CMAPO,-1); GGO(6); break;
  case 6: ADD(a,HREFO,-1); GGO(11); break;
  case 7: if(PTE(m,i)==PRES){PUT(a,PTEO(m,i),2,MIG);GGO(8);} else GADV(7,11); break;
  case 8: ADD(a,MCO(i),-1); GGO(9); break;
  case 9: if(COMP) ADD(a,HREFO,-1); else ADD(a,SREFO(i),-1); GADV(7,11); break;
  case 11: PUT(a,PTLO(m),1,0); if(m+1==M){GSETM(0);GGO(12);} else {GSETM(m+1);GGO(2);} break;
  case 12: GGO((COMP?HREF:SREF(c))==1?13:14); break;
  case 13: { int bad=0; for(int k=0;k<M;k++){ bad|=PMD(k)==HUGE; for(int j=0;j<N;j++) if(COMP||j==(int)c) bad|=PTE(k,j)==PRES; }
             CHECK(!bad,"copy while mapped"); GGO(14); } break;
  case 14: if(PTL(m)) return 0; ADD(a,PTLO(m),1); GGO(15); break;
  case 15: switch(PMD(m)){case PMIG:GGO(16);break;case TABLE:GSETI(COMP?0:c);GGO(19);break;default:GGO(23);} break;
  case 16: ADD(a,HREFO,1); GGO(17); break;
  case 17: ADD(a,CMAPO,1); GGO(18); break;
  case 18: PUT(a,PMDO(m),2,HUGE); GGO(23); break;
  case 19: if(PTE(m,i)==MIG) GGO(20); else GADV(19,23); break;
  case 20: if(COMP) ADD(a,HREFO,1); else ADD(a,SREFO(i),1); GGO(21); break;
  case 21: ADD(a,MCO(i),1); GGO(22); break;
  case 22: PUT(a,PTEO(m,i),2,PRES); GADV(19,23); break;
  case 23: PUT(a,PTLO(m),1,0); if(m+1==M){GSETM(0);GGO(24);} else {GSETM(m+1);GGO(14);} break;
  case 24: PUT(a,PLO,1,0); GGO(25); break;
  case 25: if(COMP){CHECK(HREF>0,"href underflow");ADD(a,HREFO,-1);CHECK(HREF>0||(CMAP==0&&MCZERO),"freed mapped page");}
           else {CHECK(SREF(c)>0,"sref underflow");ADD(a,SREFO(c),-1);CHECK(SREF(c)>0||MC(c)==0,"freed mapped subpage");}
           GSETC(0); GGO(END); break;
  default: return 0;
  }
  *pa=a;*pb=b; return 1;
}
/* zapper -------------------------------------------------------------- */
#define ZGO(p) PUT(b,o,4,p)
#define ZSETI(v) PUT(b,o+oZI,2,v)
#define ZSETJ(v) PUT(b,o+oZJ,2,v)
static inline int step_z(unsigned t,unsigned ch,A_t*pa,B_t*pb){
  A_t a=*pa;B_t b=*pb; const unsigned o=ZO(t),m=t%M; unsigned i=ZI(t),j=ZJ(t);
  switch(ZPC(t)){
  case 0: if(ZOPS(t)==0) return 0; ADD(b,o+oZOPS,-1); ZSETI(ch); ZGO(1); break;
  case 1: if(PTL(m)) return 0; ADD(a,PTLO(m),1); ZGO(2); break;
  case 2: switch(PMD(m)){case HUGE:ZGO(3);break;case TABLE:ZGO(8);break;case NONE:ZGO(13);break;default:ZGO(14);} break;
  case 3: ADD(a,HREFO,N-1); ZGO(4); break;
  case 4: PUT(a,PTEO(m,j),2,PRES); ZGO(5); break;
  case 5: ADD(a,MCO(j),1); if(j+1==N){ZSETJ(0);ZGO(6);} else {ZSETJ(j+1);ZGO(4);} break;
  case 6: ADD(a,CMAPO,-1); ZGO(7); break;
  case 7: PUT(a,PMDO(m),2,TABLE); ZGO(8); break;
  case 8: switch(PTE(m,i)){case PRES:ZGO(9);break;case NONE:ZGO(13);break;default:ZGO(14);} break;
  case 9: PUT(a,PTEO(m,i),2,NONE); ZGO(10); break;
  case 10: ADD(a,MCO(i),-1); ZGO(11); break;
  case 11: PUT(a,PTLO(m),1,0); ZGO(12); break;
  case 12: if(COMP){CHECK(HREF>0,"href underflow");ADD(a,HREFO,-1);CHECK(HREF>0||(CMAP==0&&MCZERO),"freed mapped page");}
           else {CHECK(SREF(i)>0,"sref underflow");ADD(a,SREFO(i),-1);CHECK(SREF(i)>0||MC(i)==0,"freed mapped subpage");}
           ZSETI(0); ZGO(0); break;
  case 13: PUT(a,PTLO(m),1,0); ZSETI(0); ZGO(0); break;
  case 14: PUT(a,PTLO(m),1,0); ZGO(15); break;
  case 15: if(PL) return 0; ZGO(1); break;
  }
  *pa=a;*pb=b; return 1;
}
static inline int step(int t,unsigned ch,A_t*a,B_t*b){
  if(t==T_S) return step_s(a,b);
  if(t==T_G) return step_g(ch,a,b);
  return step_z(t-2,ch,a,b);
}
static inline int all_done(B_t b){
  if(SPC!=END||GPC!=END) return 0;
  for(int t=0;t<Z;t++) if(ZPC(t)!=0||ZOPS(t)!=0) return 0;
  return 1;
}
static inline void quiescent(A_t a,B_t b){
  unsigned h=0,tot=0; for(int m=0;m<M;m++) h+=PMD(m)==HUGE;
  CHECK(CMAP==h,"cmap"); CHECK(PTLZERO&&!PL,"lock held");
  for(int i=0;i<N;i++){ unsigned p=0; for(int m=0;m<M;m++){p+=PTE(m,i)==PRES;CHECK(PTE(m,i)!=MIG,"stale migration entry");}
    CHECK(MC(i)==p,"mapcount"); tot+=p; if(!COMP) CHECK(SREF(i)==p,"sref"); }
  for(int m=0;m<M;m++) CHECK(PMD(m)!=PMIG,"stale pmd migration entry");
  if(COMP) CHECK(HREF==h+tot,"href");
}
static inline void initial(A_t*pa,B_t*pb){
  A_t a=0;B_t b=0;
  for(int m=0;m<M;m++) PUT(a,PMDO(m),2,HUGE);
  PUT(a,CMAPO,2,M); PUT(a,HREFO,5,M); PUT(a,COMPO,1,1);
  for(int t=0;t<Z;t++) PUT(b,ZO(t)+oZOPS,2,OPS);
  *pa=a;*pb=b;
}
