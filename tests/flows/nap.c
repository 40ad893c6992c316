/* A machine that sleeps: loaded before a program (LD_PRELOAD), it adds the seconds that stand in the file of $NAP_FILE
   to the clock that goes on meanwhile. The number may change at any time. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile long *slept;

__attribute__((constructor)) static void look(void) {
  const char *path = getenv("NAP_FILE");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *found = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
  if (found != MAP_FAILED) slept = found;
  close(file);
}

int clock_gettime(clockid_t which, struct timespec *told) {
  int failed = syscall(SYS_clock_gettime, which, told);
  if (!failed && slept && which == CLOCK_BOOTTIME) told->tv_sec += *slept;
  return failed;
}
