// SPDX-License-Identifier: GPL-2.0-only
/* Breadth-first search of protocol.h on one core: exact states of 128 bits in an open hash table.
 * Successors are collected, their slots prefetched, and inserted 64 at a time.
 * gcc -O3 -march=native -DN=4 -DM=2 -DZ=2 -DOPS=1 -DLOG2=22 search.c */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "protocol.h"

#define MASK ((1ull << LOG2) - 1)
#define BATCH 64

struct state {
	u64 a, b;
};

static struct state *table;
static u32 *queue;
static u64 head, tail, transitions;

static struct {
	u64 a, b, hash;
} found[BATCH];
static int waiting;

void fail(const char *text, u64 a, u64 b)
{
	printf("violation: %s\n", text);
	exit(1);
}

static inline u64 hash_of(u64 a, u64 b)
{
	u64 h = (a * 0x9E3779B97F4A7C15ull) ^ (b * 0xC2B2AE3D27D4EB4Full);

	h ^= h >> 32;
	h *= 0xD6E8FEB86659FD93ull;
	return h ^ h >> 32;
}

static inline void insert(u64 a, u64 b, u64 hash)
{
	u64 k = hash & MASK;

	for (;; k = (k + 1) & MASK) {
		struct state *s = &table[k];

		if (s->a == a && s->b == b)
			return;
		if (!(s->a | s->b)) {
			s->a = a;
			s->b = b;
			queue[tail++] = k;
			return;
		}
	}
}

static inline void flush(void)
{
	for (int k = 0; k < waiting; k++)
		insert(found[k].a, found[k].b, found[k].hash);
	waiting = 0;
}

static inline void emit(u64 a, u64 b)
{
	u64 hash = hash_of(a, b);

	transitions++;
	__builtin_prefetch(&table[hash & MASK]);
	found[waiting].a = a;
	found[waiting].b = b;
	found[waiting].hash = hash;
	if (++waiting == BATCH)
		flush();
}

static void *reserve(size_t bytes)
{
	return mmap(0, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void expand(u64 a, u64 b)
{
	int stuck = 1;

	for (int t = 0; t < NT; t++) {
		int choices = nchoice(t, b);

		for (int c = 0; c < choices; c++) {
			u64 a2 = a, b2 = b;

			if (step(t, c, &a2, &b2)) {
				stuck = 0;
				emit(a2, b2);
			}
		}
	}
	if (!stuck)
		return;
	if (!all_done(b))
		fail("deadlock", a, b);
	quiescent(a, b);
}

int main(void)
{
	u64 a, b;

	table = reserve(sizeof(*table) << LOG2);
	madvise(table, sizeof(*table) << LOG2, MADV_HUGEPAGE);
	queue = reserve(sizeof(*queue) << LOG2);
	initial(&a, &b);
	insert(a, b, hash_of(a, b));
	while (head < tail || (flush(), head < tail)) {
		struct state s;

		if (head + 8 < tail)
			__builtin_prefetch(&table[queue[head + 8]]);
		s = table[queue[head++]];
		expand(s.a, s.b);
	}
	printf("%llu states %llu transitions\n", (unsigned long long)tail,
	       (unsigned long long)transitions);
	return 0;
}
