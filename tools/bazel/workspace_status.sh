#!/bin/sh
# What Bazel asks at each build (--workspace_status_command): the commit that is built and its time,
# for --version. Anything but a git repository with a commit is "unknown" and no error: source
# archives have no repository, and build machines perhaps no git.
#
# The time is the commit's and not the clock's, so that a commit always makes the same programs and
# Bazel links them anew only with another commit.
set -u

commit=unknown
date=unknown
# A repository of another owner (a container's mount) is read as well: nothing of it is run.
ask() {
    GIT_OPTIONAL_LOCKS=0 git -c safe.directory=* -c core.fsmonitor=false "$@" 2>/dev/null
}
# A folder that lies in somebody else's repository (an unpacked archive) is not that one.
if [ -e .git ] && head=$(ask rev-parse --verify HEAD); then
    commit=$head
    date=$(TZ=UTC ask show -s --no-show-signature --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd HEAD)
    [ -z "$(ask status --porcelain --untracked-files=no | head -n 1)" ] || commit=$head-dirty
fi
# STABLE_: what is made of them is made anew when they change.
echo "STABLE_RUNSD_COMMIT $commit"
echo "STABLE_RUNSD_DATE $date"
