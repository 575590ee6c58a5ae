// SPDX-License-Identifier: GPL-2.0
/*
 * {{ title }}
 *
 * Written by mmspec: the system calls of a trace, for a real kernel. Again in
 * the specification: {{ replay }}
 *
{% for line in about %}
{{ line }}
{% endfor %}
 *
 * Huge pages have more subpages here than in the specification; the last one
 * stays the last. Build and run (some calls want root, and two NUMA nodes):
 *
 *	gcc -Wall -Werror -pthread -o reproducer reproducer.c
 *	./reproducer [ROUNDS [MICROSECONDS]]
 *
 * Where to delay. In user space, delay() waits up to MICROSECONDS, at random.
 * What is between two system calls is not enough if a task must stop inside
 * the kernel: tasks are called task0, task1, ..., so put there, for example,
 *
 *	if (!strcmp(current->comm, "task0"))
 *		mdelay(100);
 *
{% for line in switches %}
{{ line }}
{% else %}
 * Nowhere: one task after the other is enough.
{% endfor %}
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if __has_include("../kselftest.h")
#include "../kselftest.h"
#else
static inline void ksft_print_header(void)
{
	puts("TAP version 13");
}

static inline void ksft_set_plan(unsigned int plan)
{
	printf("1..%u\n", plan);
}

static inline void __attribute__((format(printf, 1, 2)))
ksft_print_msg(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	va_end(args);
	fflush(stdout);
}

#define ksft_test_result(good, format, ...) \
	printf("%sok 1 " format, (good) ? "" : "not ", ##__VA_ARGS__)
#define ksft_test_result_skip(format, ...) \
	printf("ok 1 # SKIP " format, ##__VA_ARGS__)
#define ksft_finished() exit(!good)
#endif

/* Taints that tell of trouble: a bad page, a dead task, a warning. */
#define TAINTS ((1L << 5) | (1L << 7) | (1L << 9))
#define MPOL_BIND 2

struct shared {
	atomic_int ready;
	atomic_int go;
	atomic_int done;
	atomic_int refused;
};

static struct shared *shared;
static char *base;
static size_t page_size, huge_size;
static unsigned int longest;
static pthread_t threads[8];
static pid_t processes[8];

static inline char *huge(size_t number)
{
	return base + number * huge_size;
}

static inline void delay(void)
{
	if (longest)
		usleep(rand() % longest);
}

static inline void tried(const char *what, long result)
{
	if (result < 0 && shared->refused++ < 4)
		ksft_print_msg("%s: %s\n", what, strerror(errno));
}

static inline void store(char *address, char value)
{
	*(volatile char *)address = value;
}

static inline char load(char *address)
{
	return *(volatile char *)address;
}

static inline void map_at(char *address, size_t length, int flags)
{
	flags |= MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	if (mmap(address, length, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0) == MAP_FAILED)
		tried("mmap", -1);
	tried("madvise", madvise(address, length, MADV_HUGEPAGE));
}

static inline void bind_to(char *address, size_t length, unsigned long nodes, int flags)
{
	tried("mbind", syscall(SYS_mbind, address, length, MPOL_BIND, &nodes,
			       8 * sizeof(nodes), flags));
}

static inline void migrate_to(unsigned long from, unsigned long to)
{
	tried("migrate_pages", syscall(SYS_migrate_pages, 0, 8 * sizeof(from), &from, &to));
}

static inline void move_to(char *address, int count, int node, int flags)
{
	void *pages[64];
	int nodes[64], status[64];
	int k;

	for (k = 0; k < count && k < 64; k++) {
		pages[k] = address + k * page_size;
		nodes[k] = node;
	}
	tried("move_pages", syscall(SYS_move_pages, 0, k, pages, nodes, status, flags));
}

static inline void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	tried(path, fd < 0 ? -1 : (long)write(fd, text, strlen(text)));
	if (fd >= 0)
		close(fd);
}

/* A child that does nothing, until the round is over. */
static inline void fork_and_stay(void)
{
	pid_t pid = fork();

	tried("fork", pid);
	if (pid)
		return;
	while (!shared->done)
		usleep(100);
	_exit(0);
}

static void begin(int task)
{
	char name[16];

	snprintf(name, sizeof(name), "task%d", task);
	prctl(PR_SET_NAME, name);
	if (!task)
		return;
	shared->ready++;
	while (!shared->go)
		;
}

{% for task in tasks %}
/* {{ task.name }} */
static void task{{ task.number }}(void)
{
	begin({{ task.number }});
{% for statement in task.statements %}
	delay();
	{{ statement }}
{% endfor %}
}

{% endfor %}
static void (*const tasks[])(void) = { {%- for task in tasks %}{{ " " }}task{{ task.number }},{% endfor %} };
#define TASKS ((int)(sizeof(tasks) / sizeof(tasks[0])))

static inline void *run(void *task)
{
	tasks[(long)task]();
	return NULL;
}

static inline void start_thread(long task)
{
	if (task < TASKS && pthread_create(&threads[task], NULL, run, (void *)task))
		tried("pthread_create", -1);
}

static inline void start_process(int task)
{
	if (task >= TASKS) {
		fork_and_stay();
		return;
	}
	processes[task] = fork();
	tried("fork", processes[task]);
	if (processes[task])
		return;
	memset(threads, 0, sizeof(threads));
	srand(getpid());
	tasks[task]();
	_exit(0);
}

static void set_up(void)
{
{% for statement in set_up %}
	{{ statement }}
{% endfor %}
}

static void one_round(void)
{
	size_t size = ({{ huge_pages }} + 1) * huge_size;
	int others = 0;
	char *found;
	int n;

	srand(getpid());
	found = mmap(NULL, size + huge_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (found == MAP_FAILED) {
		tried("mmap", -1);
		return;
	}
	base = found + huge_size - (unsigned long)found % huge_size;
	set_up();
	for (n = 1; n < TASKS; n++)
		others += threads[n] || processes[n] > 0;
	while (shared->ready < others)
		usleep(10);
	shared->go = 1;
	tasks[0]();
	for (n = 1; n < TASKS; n++) {
		if (threads[n])
			pthread_join(threads[n], NULL);
		if (processes[n] > 0)
			waitpid(processes[n], NULL, 0);
	}
	shared->done = 1;
	while (wait(NULL) > 0)
		;
}

static long number_in(const char *path)
{
	FILE *file = fopen(path, "r");
	long number = 0;

	if (file) {
		if (fscanf(file, "%ld", &number) != 1)
			number = 0;
		fclose(file);
	}
	return number;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 1000;
	long before = number_in("/proc/sys/kernel/tainted") & TAINTS;
	int good = 1;
	long n;

	longest = argc > 2 ? atoi(argv[2]) : 100;
	page_size = sysconf(_SC_PAGESIZE);
	huge_size = number_in("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
	if (!huge_size)
		huge_size = 512 * page_size;
	ksft_print_header();
	ksft_set_plan(1);
	ksft_print_msg("looks for: %s\n", {{ headline }});
	shared = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 4;
	for (n = 0; n < rounds && good; n++) {
		int status = 0;
		pid_t pid;

		shared->ready = shared->go = shared->done = 0;
		fflush(stdout);
		pid = fork();
		if (!pid) {
			one_round();
			fflush(stdout);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		if (WIFSIGNALED(status)) {
			ksft_print_msg("round %ld: killed by signal %d\n", n, WTERMSIG(status));
			good = 0;
		}
		if ((number_in("/proc/sys/kernel/tainted") & TAINTS) != before) {
			ksft_print_msg("round %ld: the kernel is tainted now: see dmesg\n", n);
			good = 0;
		}
	}
	if (good && shared->refused)
		ksft_test_result_skip("%s: system calls were refused\n", {{ name }});
	else
		ksft_test_result(good, "%s\n", {{ name }});
	ksft_finished();
}
