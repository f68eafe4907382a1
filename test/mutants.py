# SPDX-License-Identifier: GPL-2.0-or-later
"""Mistakes that somebody could make, each of which the tests must catch.

A mutant is the tree with one edit. It is built in a copy, and every check that it names must fail
there: a unit test, a command-line test, or a case of test-vm/. Before that, the same checks must
pass in a copy without an edit: a check that always fails proves nothing.

    make check-mutants                       all mutants
    make check-mutants MUTANT=NAME           one mutant
    make check-mutants MUTANT=--no-vm        all mutants, without the cases of test-vm/ (10 minutes)

Run them without test-vm/ before you merge a change of src/core, src/boot or hook/, or a change of
the guards in src/cli. Run all of them before a release. A mutant that survives shows a hole in the
tests: add the missing test. Do not weaken the mutant.

In each `make check`, test_mutants.py checks that every mutant still fits the source. If a mutant
does not fit, somebody has changed the code that it edits:

1. Find the code that now keeps the promise that the mutant breaks. Write its tokens in `old`. White
   space, line breaks and comments do not count. Choose as few tokens as are unique.
2. If the tokens occur elsewhere, too, add the function to `where`: "src/core:plan_make". Name a
   folder, not a file, so that the function can move.
3. Delete the mutant only if its promise or guard no longer exists.
4. Run `make check-mutants MUTANT=NAME`. The edit must compile without warnings, and its checks must
   fail.
"""

import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from functools import lru_cache

import tokens
from machine import TOP

PLACE = TOP / "build/mutants"
# Parts of the build that a copy shares as hard links. The compiler and the linker replace a file,
# they do not write into it.
PRODUCTS = ("host", "klibc", "unit", "boot-cc", "vfio-early", "vfio-early-boot",
            "vfio-early-boot.full", "vfio-early-init", "vfio-early-init.full")
SOURCES = ("Makefile", "src", "hook", "conf", "doc", "completion", "test", "test-vm")
CAUGHT, MISSED, BROKEN = "caught", "MISSED", "broken"
UNIT_SECONDS = 60  # as in test_unit.py: a mutant can wait forever


@dataclass(frozen=True)
class Mutant:
    """One edit: the tokens `old` become the text `new`. `where` is a file or a folder of C files,
    and may end in ":FUNCTION". `old` occurs there `times`. `checks` are "unit PROGRAM",
    "test FILE[::NAME]" or "vm CASE". Each of them must fail.
    """

    name: str
    where: str
    old: str
    new: str
    checks: tuple
    times: int = 1


BOOT_CASES = "test test/test_boot.py::test_case"
DESKTOP = "vm desktop-bookworm"

# The promises of the program, and then those of the commands: at least one mutant for each.
FENCE_FIRST = [
    Mutant("no-fence", "src/core:plan_make", "STEP_FENCE,", "",
           ("unit test-plan", BOOT_CASES, DESKTOP)),
    Mutant("fence-last", "src/core:plan_make", "STEP_FENCE, STEP_RELEASE, STEP_LOAD, STEP_BIND",
           "STEP_BIND, STEP_LOAD, STEP_RELEASE, STEP_FENCE",
           ("unit test-plan", BOOT_CASES, DESKTOP)),
    Mutant("fence-after-load", "src/core:plan_make", "STEP_FENCE, STEP_RELEASE, STEP_LOAD",
           "STEP_LOAD, STEP_FENCE, STEP_RELEASE", ("unit test-plan", DESKTOP)),
    Mutant("no-fence-if-bound", "src/core:needs_step", "STEP_FENCE: return true",
           "STEP_FENCE: return !has_target(claim)",
           ("unit test-plan", "test test/test_boot.py::test_bound_already_is_fenced_and_bound")),
    Mutant("fence-falls-with-bind", "src/core:do_step", "return do_bind(work, step->claim)",
           """{
                int error = do_bind(work, step->claim);
                return error ? write_override(work, step->claim, "\\n"), error : 0;
           }""", ("test test/test_boot.py::test_errno_of_bind",)),
    Mutant("wrong-attribute", "src/core:write_override", '"driver_override"', '"driver_overide"',
           (BOOT_CASES, DESKTOP)),
    Mutant("module-for-driver", "src/core:do_step",
           "step->claim->driver", '"vfio_pci"', (BOOT_CASES, DESKTOP)),
    Mutant("release-without-fence", "src/core:is_worth_trying",
           "[STEP_FENCE] == 0;", "[STEP_FENCE] == 0 || true;",
           ("test test/test_boot.py::test_without_driver_override_nothing_else_is_tried",)),
    Mutant("bind-over-a-driver", "src/core:do_bind", "*driver && strcmp(driver, claim->driver)",
           "false", ("test test/test_boot.py::test_what_its_driver_keeps_is_not_bound",)),
    Mutant("after-udev", "Makefile", "init-top/00-vfio-early", "init-top/vfio-early",
           ("test test/test_install.py", DESKTOP), 2),
    Mutant("unit-not-first", "hook/dracut/50vfio-early/vfio-early.service",
           "Before=", "#Before=", ("vm dracut-systemd-slow",), 3),
]

LISTED_ONLY = [
    Mutant("ambiguous-line-binds", "src/core:match_bind", "count != rule->count",
           "count < rule->count", ("unit test-match", BOOT_CASES)),
    Mutant("mismatched-id-binds", "src/core:condition_missed", "CONDITIONS & ~met",
           "CONDITIONS & ~CONDITION_ID & ~met", ("unit test-match", BOOT_CASES)),
    Mutant("mismatched-serial-binds", "src/core:condition_missed", "CONDITIONS & ~met",
           "CONDITIONS & ~CONDITION_SERIAL & ~met", ("unit test-match", BOOT_CASES)),
    Mutant("invalid-line-binds", "src/core:parse_statement", "error || line->bad", "error",
           ("unit test-conf", "test test/test_bad_input.py::test_text")),
    Mutant("contradiction-binds", "src/core:contradict", "line->result = RESULT_INVALID",
           "line->result = RESULT_NONE", ("unit test-match", BOOT_CASES)),
    Mutant("heading-ignored", "src/core:rule_is_active", "!rule->profile", "true",
           ("unit test-conf", BOOT_CASES)),
    Mutant("bad-heading-ignored", "src/core:parse_line", '*profile = ""', "*profile = NULL",
           ("unit test-conf",)),
    Mutant("dry-run-binds", "src/boot/main.c:act", "boot->cmdline.dry_run", "false",
           ("test test/test_boot.py::test_dry_run_touches_nothing",)),
    Mutant("off-binds", "src/boot/main.c:run", "boot->cmdline.off", "false",
           ("test test/test_boot.py::test_off_touches_nothing",)),
    Mutant("with-adds-a-bridge", "src/core:pci_is_infrastructure", "pci_is_bridge(function) ||", "",
           ("unit test-match",)),
    Mutant("with-adds-the-chipset", "src/core:pci_is_infrastructure",
           "|| pci_is_chipset(function)", "",
           ("test test/test_boot.py::test_with_leaves_the_chipset_alone",)),
    Mutant("with-adds-a-vf", "src/core:goes_with", "|| other->virtual", "",
           ("test test/test_boot.py::test_virtual_functions_do_not_belong_to_the_card",)),
    Mutant("with-group-without-group", "src/core:goes_with", "function->group >= 0 &&", "",
           ("test test/test_boot.py::test_without_groups_with_group_adds_nothing",)),
    Mutant("with-of-a-refused-device", "src/core:add_companions",
           "result != RESULT_NONE", "result == RESULT_NONE && false", ("unit test-match",)),
    Mutant("keep-ignored", "src/core:find_protection", "rule->statement != STATEMENT_KEEP", "true",
           ("unit test-match", BOOT_CASES)),
    Mutant("allow-in-use-defeats-keep", "src/core:find_protection", "if (rule->generated)",
           "if (false)",
           ("unit test-match",)),
    Mutant("in-use-ignored", "src/core:find_protection", "claim->in_use = true",
           "claim->in_use = false", (BOOT_CASES,)),
    Mutant("keep-lines-count-as-statements", "src/core:parse_line",
           "- line->conf->generated_count", "",
           ("test test/test_boot.py::test_no_limit_leaves_out_what_protects_the_host",)),
    Mutant("broken-keep-ignored", "src/core:match_bind", "with->broken_keep &&", "false &&",
           ("unit test-match",)),
    Mutant("broken-keep-lets-with-add", "src/core:guard", "with->broken_keep &&", "false &&",
           ("test test/test_boot.py::test_a_broken_keep_line_stops_with",)),
    Mutant("uncounted-error-is-no-keep", "src/core:conf_broken_keep",
           "conf->error_total > conf->error_count", "false",
           ("test test/test_bad_input.py::test_an_error_that_is_only_counted_can_be_a_keep_line",)),
    Mutant("unread-file-is-no-keep", "src/core:file_error", ".keep = true", ".keep = false",
           ("test test/test_boot.py::test_a_link_to_no_file_is_an_error",)),
    Mutant("boot-display-ignored", "src/core:guard", "function->boot_display", "false",
           ("unit test-match", BOOT_CASES)),
    Mutant("framebuffer-ignored", "src/core:display_is_boot", "framebuffers->count", "false",
           ("test test/test_boot.py::test_the_display_of_the_framebuffer",)),
    Mutant("bridge-binds", "src/core:guard", "pci_is_bridge(function)", "false",
           ("unit test-match", BOOT_CASES)),
    Mutant("bridge-by-class", "src/core:pci_is_bridge", "|| function->header_type != 0", "",
           ("test test/test_boot.py::test_a_bridge_is_what_has_the_header_of_one",)),
    Mutant("allow-extends-to-with", "src/core:match_allows", "? 0 :", "? rule->allow :",
           ("test test/test_boot.py::test_allow_is_for_what_the_line_names",)),
]

BOUNDED_TIME = [
    Mutant("no-limit-for-a-step", "src/core:wait_for_end", "idle >= step_ms", "false",
           ("unit test-deadline",)),
    Mutant("no-limit-for-all", "src/core:wait_for_end", "!*budget_ms ||", "",
           ("unit test-deadline",)),
    Mutant("hang-ends-all", "src/core:run_steps", "else go_on(",
           "else if (end == DEADLINE_GAVE_UP) return; else go_on(",
           ("test test/test_faults.py::test_unbind_that_hangs",)),
    Mutant("no-fence-when-the-time-is-up", "src/core:has_next",
           "|| work->plan->steps[work->next].kind == STEP_FENCE", "",
           ("test test/test_faults.py::test_when_the_time_is_up_the_rest_is_fenced",)),
    Mutant("more-when-the-time-is-up", "src/core:run_steps", "work->fences_only = !budget",
           "work->fences_only = false",
           ("test test/test_faults.py::test_when_the_time_is_up_the_rest_is_fenced",)),
    Mutant("init-fails-with-the-program", "src/boot/init.c:main", "return 0", "return 1",
           ("test test/test_init.py",)),
    Mutant("init-waits-for-ever", "src/boot/init.c:wait_for", "kill(child, SIGKILL); return;",
           "continue;", ("test test/test_init.py::test_a_program_that_never_ends",)),
    Mutant("init-top-fails-with-the-program", "hook/initramfs-tools/init-top",
           "vfio-early-init exit 0", "vfio-early-init",
           ("test test/test_hook.py::test_init_top_goes_on_when_the_program_cannot_run",)),
]

NOTHING_SILENT = [
    Mutant("line-not-logged", "src/boot/main.c", "!line->reason ||", "line->reason ||",
           (BOOT_CASES,)),
    Mutant("error-not-logged", "src/boot/main.c", "i < conf->error_count &&",
           "i + 1 < conf->error_count &&", ("test test/test_bad_input.py::test_text",)),
    Mutant("device-not-logged", "src/boot/main.c", "log_line(fine", "if (!fine) log_line(fine",
           ("test test/test_boot.py::test_bound_already_is_fenced_and_bound",)),
    Mutant("problem-not-logged", "src/boot/main.c", "log_line(fine", "if (fine) log_line(fine",
           (BOOT_CASES,)),
    Mutant("line-not-in-the-report", "src/core/report.c", "i < match->conf->count",
           "i + 1 < match->conf->count", ("unit test-report", BOOT_CASES)),
    Mutant("device-not-in-the-report", "src/core/report.c", "i < match->claim_count",
           "i + 1 < match->claim_count", ("unit test-report", BOOT_CASES)),
    Mutant("module-not-in-the-report", "src/core:report_format", "i < report->loadplan->count",
           "i + 1 < report->loadplan->count", ("test test/test_boot.py::test_the_report",)),
    Mutant("not-read-back", "src/core", "bool ours =", "bool ours = true ||",
           ("test test/test_boot.py", "vm no-iommu-bookworm")),
    Mutant("probed-is-bound", "src/core", "[STEP_BIND] != OUTCOME_RUNNING",
           "[STEP_BIND] != OUTCOME_RUNNING + 1", ("unit test-claim-result",)),
    Mutant("line-is-its-best-device", "src/core:judge_lines", "result > of->result",
           "result < of->result", ("unit test-claim-result",)),
    Mutant("switch-not-checked", "src/core:cmdline_check", "!rule_is_active",
           "false && !rule_is_active",
           ("test test/test_boot.py::test_a_switch_that_no_heading_has",)),
    Mutant("switch-not-logged", "src/boot/main.c", "if (boot->cmdline.wrong)", "if (false)",
           ("test test/test_boot.py::test_wrong_switch_on_the_command_line",)),
    Mutant("rescue-without-the-setting", "src/boot/rescue.c:rescue",
           "!release || !function->rescue", "!release", ("test test/test_rescue.py",)),
    Mutant("rescue-of-no-storage", "src/boot/rescue.c:is_held_storage",
           "pci_class_is_storage(function->class) &&", "",
           ("test test/test_rescue.py",)),
    Mutant("rescue-twice", "src/boot/rescue.c:was_released", "record.kind == REPORT_RESCUE &&",
           "false && record.kind == REPORT_RESCUE &&", ("test test/test_rescue.py",)),
    Mutant("rescue-for-any-device", "hook/initramfs-tools/local-block",
           '[ "${1:-}" = "${ROOT:-}" ] || exit 0', "",
           ("test test/test_hook.py::test_local_block_gives_back_once_for_the_root_device",)),
]

HOST = [
    Mutant("bridge-blocks-its-group", "src/cli:group_is_blocked_by", "!pci_is_bridge(member) ||",
           "pci_is_bridge(member) ||",
           ("test test/test_danger.py::test_the_kernels_rule_for_groups",)),
    Mutant("drivers-never-count", "src/cli:group_is_blocked_by", "!pci_is_bridge(member) ||",
           "true ||", ("test test/test_danger.py::test_the_kernels_rule_for_groups",)),
    Mutant("managed-dma-blocks-its-group", "src/cli", '&& strcmp(driver, "pcieport")', "",
           ("test test/test_danger.py::test_the_kernels_rule_for_groups",)),
    Mutant("lvm-not-followed", "src/cli/inuse", '"/slaves", NULL); if (!error)',
           '"/slaves", NULL); if (false)', ("test test/test_danger.py::test_is_told",)),
    Mutant("swap-not-in-use", "src/cli/inuse:add_swap", "found = source &&",
           "found = false && source &&", ("test test/test_danger.py::test_is_told",)),
    Mutant("mounts-not-in-use", "src/cli/inuse:add_mount", "found && target", "false",
           ("test test/test_danger.py::test_is_told",)),
    Mutant("route-not-in-use", "src/cli/inuse:is_default", "return *interface &&",
           "return false && *interface &&", ("test test/test_danger.py::test_is_told",)),
    Mutant("route-stops-at-the-bridge", "src/cli/inuse/network.c", "path, layers - 1", "path, 0",
           ("test test/test_danger.py::test_is_told",)),
    Mutant("no-keep-lines-in-the-image", "src/cli/inuse:host_use_keep_lines",
           "uses.items[i].certain", "!uses.items[i].certain",
           ("test test/test_image.py::test_keep_lines_protect_what_this_machine_uses",)),
    Mutant("display-not-refused", "src/cli/danger:host_needs_find_display",
           "finding->refuses = !allowed", "finding->refuses = false",
           ("test test/test_bind.py::test_refusals_touch_nothing",)),
    Mutant("use-not-refused", "src/cli/danger:host_needs_find_use", "finding->refuses = !allowed",
           "finding->refuses = false",
           ("test test/test_danger.py::test_commands_refuse_what_the_host_uses",)),
    Mutant("allow-silences-a-vital-use", "src/cli/danger:host_needs_find_use",
           "allowed && !use->vital", "allowed",
           ("test test/test_danger.py::test_what_the_host_cannot_start_without_stays_a_danger",)),
    Mutant("refusal-writes-anyway", "src/cli", "refused |=", "refused &=",
           ("test test/test_add.py::test_refusals_write_nothing",
            "test test/test_bind.py::test_refusals_touch_nothing")),
    Mutant("remove-arms-lines", "src/cli/cmd-remove.c:cut_line", "!error && !armed", "!error",
           ("test test/test_add.py::test_remove",)),
    Mutant("add-now-agrees-for-a-script", "src/cli/cmd-add.c:agree_to_bind", "|| request->yes",
           "|| !request->yes", ("test test/test_bind.py::test_add_now_asks_before_it_writes",)),
    Mutant("move-to-another-device", "src/cli/cmd-move.c:find_named", "CONDITIONS_IDENTITY", "0",
           ("test test/test_move.py::test_what_stays",)),
    Mutant("config-of-another-owner", "src/cli:trust_problem", "st.st_uid != 0", "false",
           ("test test/test_trust.py",)),
    Mutant("config-that-others-can-write", "src/cli:trust_problem", "(S_IWGRP | S_IWOTH)",
           "S_IWGRP", ("test test/test_trust.py",)),
    Mutant("refused-config-is-followed", "src/cli:drop_rules", "conf->count = kept",
           "(void)kept", ("test test/test_trust.py",)),
    Mutant("refused-config-in-the-image", "src/cli/machine/trust.c:copy_file", "if (problem)",
           "if (false)", ("test test/test_trust.py",)),
    Mutant("edit-loses-bytes", "src/cli/config:edit_insert", "place, end - place",
           "place, strnlen(place, end - place)",
           ("test test/test_add.py::test_the_rest_of_the_file_stays",)),
    Mutant("edit-changes-line-ends", "src/cli/config:line_end_of", '"\\r\\n"', '"\\n"',
           ("test test/test_add.py::test_the_rest_of_the_file_stays",)),
    Mutant("edit-below-a-heading", "src/cli/config:insertion_point", "*word == '['", "*word == ']'",
           ("test test/test_add.py::test_the_rest_of_the_file_stays",)),
    Mutant("edit-loses-the-mode", "src/cli/config:copy_metadata", "edit->before.st_mode & 07777",
           "0644", ("test test/test_add.py::test_mode_owner_and_attributes_are_kept",)),
    Mutant("edit-without-a-lock", "src/cli/config:try_lock", "flock(fd, LOCK_EX | LOCK_NB) == 0 &&",
           "", ("test test/test_add.py::test_many_at_once",)),
    Mutant("lock-of-a-renamed-file", "src/cli/config:try_lock", "&& is_there(edit, fd)",
           "&& (is_there(edit, fd) || true)",
           ("test test/test_add.py::test_an_edit_that_ends_between_open_and_lock",)),
    Mutant("edit-over-an-editor", "src/cli/config:put_in_place", "!is_unchanged",
           "false && !is_unchanged",
           ("test test/test_add.py::test_an_editor_that_saves_meanwhile_wins",)),
    Mutant("edit-not-on-the-disk", "src/cli/config:put_in_place", "fsync(edit->fd) < 0", "false",
           ("test test/test_add.py::test_an_edit_that_fails_changes_nothing",)),
    Mutant("apply-does-not-ask", "src/cli/cmd-apply.c:is_agreed", "request->yes ||",
           "true ||", ("test test/test_apply.py::test_dangers_ask_a_person",)),
    Mutant("apply-agrees-for-a-script", "src/cli/cmd-apply.c:is_agreed", "return false",
           "return true", ("test test/test_apply.py::test_dangers_need_a_yes",)),
    Mutant("apply-builds-with-errors", "src/cli/cmd-apply.c:load",
           "apply->machine.confdir.conf.error_total", "false",
           ("test test/test_apply.py::test_errors_stop_it",)),
]

MUTANTS = FENCE_FIRST + LISTED_ONLY + BOUNDED_TIME + NOTHING_SILENT + HOST


def copy(name, mutant=None):
    """A copy of the tree below build/mutants/, with the mutant's edit; returns where it is."""
    tree = PLACE / name
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "build").mkdir(parents=True)
    subprocess.run(["cp", "-a", *(TOP / source for source in SOURCES), tree], check=True)
    built = [TOP / "build" / name for name in PRODUCTS if (TOP / "build" / name).exists()]
    subprocess.run(["cp", "-al", *built, tree / "build"], check=True)
    (TOP / "build/fetched").mkdir(exist_ok=True)
    (tree / "build/fetched").symlink_to(TOP / "build/fetched")
    if mutant:
        edit(tree, mutant)
    return tree


@lru_cache(maxsize=None)
def read(path):
    return path.read_text("utf-8")


def places(tree, mutant):
    """[(file, start, end)] of the mutant's tokens in a tree."""
    where, _, function = mutant.where.partition(":")
    files = [tree / where] if (tree / where).is_file() else sorted((tree / where).rglob("*.c"))
    return [(path, *place) for path in files if function in read(path)
            for place in tokens.find_in(read(path), mutant.old, function, path.suffix == ".c")]


def edit(tree, mutant):
    found = places(tree, mutant)
    if len(found) != mutant.times:
        raise SystemExit(f"test/mutants.py: {mutant.name}: does not fit the source: {mutant.where} "
                         f"has {mutant.old!r} {len(found)} times, not {mutant.times}")
    for path, start, end in reversed(found):
        text, before = path.read_text("utf-8"), path.stat()
        path.write_text(text[:start] + mutant.new + text[end:], "utf-8")
        if path.name == "Makefile":  # only what it installs is mutated: nothing is built again
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def build(tree, checks):
    """Builds what the checks need. Returns whether it compiles: a mutant must."""
    names = [check.split()[1] for check in checks if check.startswith("unit ")]
    targets = ["all", *(f"build/unit/glibc/{name}" for name in names)]
    done = subprocess.run(["make", "-s", "-C", tree, *targets], env=environment(),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        print(f"{tree}: make: exit status {done.returncode}\n{done.stdout}", flush=True)
    return done.returncode == 0


def environment(**more):
    """That of this process, without what an outer make or pytest says to an inner one."""
    outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "CASE", "MUTANT")
    ours = {name: value for name, value in os.environ.items()
            if name not in outer and not name.startswith("PYTEST_")}
    return {**ours, **more}


def run(tree, check):
    """Whether a check fails in a tree: "caught"; "MISSED" if it passes there."""
    kind, what = check.split()
    if kind == "unit":
        try:
            done = subprocess.run([tree / "build/unit/glibc" / what], capture_output=True,
                                  timeout=UNIT_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return CAUGHT
        return CAUGHT if done.returncode else MISSED
    if kind == "test":
        return run_pytest(tree, check, [what])
    return run_pytest(tree, check, ["test-vm/test_cases.py::test_case"], CASE=what)


def run_pytest(tree, check, arguments, **more):
    """The same of pytest, whose tests must fail: an error on the way to them is none."""
    result = tree / "build/result.xml"
    result.unlink(missing_ok=True)
    command = ["/usr/bin/python3", "-B", "-m", "pytest", "-qx", "-p", "no:cacheprovider",
               f"--junit-xml={result}", *arguments]
    done = subprocess.run(command, cwd=tree, env=environment(**more), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    (tree / "build" / f"{check.replace('/', '-')}.log").write_bytes(done.stdout)
    if not result.exists():
        return BROKEN
    suite = ElementTree.parse(result).find("testsuite")
    if suite.get("errors") != "0" or suite.get("tests") == "0":
        return BROKEN
    return MISSED if suite.get("failures") == "0" else CAUGHT


def try_mutant(mutant, checks):
    """{check: result} for one mutant, or for none. Its copy is deleted if the results are right."""
    tree = copy(mutant.name if mutant else "none", mutant)
    results = {}
    compiles = build(tree, checks)
    for check in checks:
        start = time.monotonic()
        results[check] = run(tree, check) if compiles else BROKEN
        print_result(mutant, check, results[check], time.monotonic() - start)
    wanted = CAUGHT if mutant else MISSED
    if set(results.values()) == {wanted}:
        shutil.rmtree(tree)
    return results


def print_result(mutant, check, result, seconds):
    name = mutant.name if mutant else "(none)"
    said = result if mutant else {CAUGHT: "FAILS", MISSED: "passes", BROKEN: BROKEN}[result]
    print(f"{said:8} {seconds:6.1f} s  {name:32} {check}", flush=True)


def survivors(mutants, kinds=("unit", "test", "vm")):
    """The names of the mutants that a check did not catch, or that prove nothing because a check
    fails without them.
    """
    def checks_of(mutant):
        return [check for check in mutant.checks if check.split()[0] in kinds]

    every = dict.fromkeys(check for mutant in mutants for check in checks_of(mutant))
    sound = try_mutant(None, list(every))
    bad = []
    for mutant in mutants:
        results = try_mutant(mutant, checks_of(mutant))
        proven = all(sound[check] == MISSED and result == CAUGHT
                     for check, result in results.items())
        if not proven or not results:
            bad.append(mutant.name)
    return bad


def main(names):
    kinds = ("unit", "test") if "--no-vm" in names else ("unit", "test", "vm")
    names = set(names) - {"--no-vm"}
    unknown = names - {mutant.name for mutant in MUTANTS}
    if unknown:
        raise SystemExit(f"no mutant is called {' '.join(unknown)}; there are: "
                         f"{' '.join(mutant.name for mutant in MUTANTS)}")
    chosen = [mutant for mutant in MUTANTS if (not names or mutant.name in names)
              and any(check.split()[0] in kinds for check in mutant.checks)]
    bad = survivors(chosen, kinds)
    print(f"{len(chosen)} mutants, {len(bad)} not caught by every check that they name"
          f"{': ' if bad else ''}{' '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
