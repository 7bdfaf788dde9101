"""A clock that jumps, between runs and during one."""

import os
import shutil
import subprocess
import time

import pytest
from runs import finish, to_the_end

pytestmark = pytest.mark.operations

# What asks for the time of day gets it with the seconds added that the file CLOCK_OFFSET holds.
JUMPING_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static const volatile long long *offset;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CLOCK_OFFSET");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) offset = mmap(NULL, 8, PROT_READ, MAP_SHARED, file, 0);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*ask)(clockid_t, struct timespec *);
    if (!ask) ask = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = ask(clock, at);
    if (!failed && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += *offset;
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""


def test_a_clock_that_jumped_makes_nothing_stale(project, command):
    finish(project, command)
    project.starts()
    for at, path in enumerate([*project.outputs(), "raw.txt", "params.yaml", "dvc.lock"]):
        then = 4e9 if at % 2 else 1e8
        os.utime(project.root / path, (then, then))
    assert "nothing to do: all 4 stages unchanged" in finish(project, command)
    assert project.starts() == []


def test_a_clock_that_jumps_during_a_run_changes_no_output(project, command, tmp_path):
    """The clock of all its processes, its own Prefect server included, jumps back a year and ahead two."""
    library, offset = tmp_path / "clock.so", tmp_path / "offset"
    offset.write_bytes(bytes(8))
    if not (compiler := shutil.which("cc")):
        pytest.skip("no C compiler here, and the clock of one run can't be set without a library that stands before it")
    options = ["-shared", "-fPIC", "-o", str(library), "-x", "c", "-", "-ldl"]
    subprocess.run([compiler, *options], input=JUMPING_CLOCK, text=True, check=True)
    project.in_every_stage(f"""
        import struct
        days = {{"train@a": -366, "report": 730}}
        if name in days:
            with open({str(offset)!r}, "r+b") as file:  # not cut to nothing first: the others have it mapped
                file.write(struct.pack("q", days[name] * 86400))
            pathlib.Path("years").open("a").write(time.strftime("%Y "))
    """)
    settings = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(offset)}
    settings |= {"PREFECT_API_URL": "", "PREFECT_HOME": str(tmp_path / "prefect")}
    this_year = time.gmtime().tm_year
    to_the_end(project, command("--max-parallel", "1", **settings))
    before, after = map(int, (project.root / "years").read_text().split())
    assert before < this_year < after
    project.starts()
    assert "nothing to do: all 4 stages unchanged" in finish(project, command)
    assert project.starts() == []
