# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of the harness that need no guest: a test that can't fail proves nothing."""

import subprocess
import sys

import pytest

import case
import catalogue
import image
import judge
import once
import qemu
import summary


def test_frames_are_told_apart():
    assert qemu.read_frames(b"=== log 4\na\nb\n=== end 0\n") == {
        "log": "a\nb\n",
        "end": "",
    }


def test_frame_that_was_cut_off_is_no_frame():
    assert qemu.read_frames(b"=== report 2\nok=== trace 90\nhalf") == {"report": "ok"}


def test_what_firmware_said_before_the_frames_is_passed_over():
    assert qemu.read_frames(b"\x1b[2JBdsDxe: x\r\n=== end 0\n") == {"end": ""}


@pytest.mark.parametrize(
    "console, frames, status, ending",
    [
        ("", {"end": ""}, 0, "powered off"),
        ("", {"trace": ""}, 0, "died: the guest's init did not finish"),
        ("[1.0] Kernel panic - not syncing: x\n", {}, 0, "Kernel panic - not syncing: x"),
        ("", {"end": ""}, 1, "QEMU ended with exit status 1"),
    ],
)
def test_ending(console, frames, status, ending):
    assert qemu._judge_ending(console, frames, status) == ending


def guest(code):
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE)


def test_silent_guest_is_hung(monkeypatch):
    monkeypatch.setattr(qemu, "PATIENCE", 0.5)
    with guest("import signal; print('hello', flush=True); signal.pause()") as silent:
        console, ending = qemu._watch(silent)
    assert console == "hello\n"
    assert ending.startswith("hung: nothing new")


def test_guest_that_repeats_itself_is_hung(monkeypatch):
    monkeypatch.setattr(qemu, "CONSOLE_MAX", 1 << 16)
    with guest("while True: print('again' * 99)") as loud:
        assert qemu._watch(loud)[1].startswith("hung: the console")


@pytest.mark.parametrize("prompt", ["(initramfs) ", "dracut:/# ", "sh-5.2# "])
def test_shell_is_typed_into_once(prompt):
    code = "for turn in range(2): input('[ 1.0] ok\\n' + PROMPT) == 'ls' and print('done')"
    with guest(code.replace("PROMPT", repr(prompt))) as shell:
        console, _ = qemu._watch(shell, typed="ls\nexit\n")
    assert console.count("done") == 1


def test_enter_is_typed_until_a_shell_answers(monkeypatch):
    monkeypatch.setattr(qemu, "AGAIN", 0.2)
    code = "input('Press Enter for maintenance\\n'); input(); input('# ') == 'ls' and print('done')"
    with guest(code) as shell:
        assert "done" in qemu._watch(shell, typed="ls\n")[0]


def arguments(*devices, bridges=()):
    devices = [qemu.Device(*device) for device in devices]
    bridges = [qemu.Bridge(*bridge) for bridge in bridges]
    return " ".join(qemu._arguments(devices, bridges))


def test_devices_are_where_the_guest_shall_see_them():
    words = arguments(("01:00.0", "e1000e"), ("02:00.0", "edu"), ("00:05.0", "edu"))
    assert "pcie-root-port,bus=pcie.0,addr=10.0,id=bus01,chassis=1" in words
    assert "pcie-root-port,bus=pcie.0,addr=11.0,id=bus02,chassis=2" in words
    assert "e1000e,bus=bus01,addr=00.0" in words
    assert "edu,bus=pcie.0,addr=05.0" in words
    assert "multifunction" not in words


def test_two_functions_of_a_slot_are_one_card():
    words = arguments(("00:05.0", "edu"), ("00:05.1", "edu"))
    assert words.count("multifunction=on") == 1


def test_bridges_come_before_what_is_behind_them():
    words = arguments(
        ("03:01.0", "edu"),
        ("80:00.0", "edu"),
        bridges=[
            ("02:00.0", "pcie-pci-bridge", "", "", 3),
            ("00:10.0", "pcie-root-port", "", "", 2),
            ("00:14.0", "pxb-pcie", "", "", 0x80),
        ],
    )
    assert words == (
        "-device pcie-root-port,bus=pcie.0,addr=10.0,id=bus02,chassis=2 "
        "-device pcie-pci-bridge,bus=bus02,addr=00.0,id=bus03 "
        "-device pxb-pcie,bus=pcie.0,addr=14.0,id=bus80,bus_nr=128 "
        "-device edu,bus=bus03,addr=01.0 -device edu,bus=bus80,addr=00.0"
    )


def test_archive_is_what_cpio_reads(tmp_path):
    archive = image.cpio({"etc/one": "1\n", "conf/modules": "nvme\n"})
    subprocess.run(["cpio", "-imu", "--quiet"], input=archive, cwd=tmp_path, check=True)
    assert (tmp_path / "conf/modules").read_text("ascii") == "nvme\n"
    assert (tmp_path / "etc/one").read_text("ascii") == "1\n"


def test_program_laid_over_an_image_can_be_executed(tmp_path):
    archive = image.cpio({"program": "#!/bin/sh\n", "text": "#"})
    subprocess.run(["cpio", "-idmu", "--quiet"], input=archive, cwd=tmp_path, check=True)
    assert (tmp_path / "program").stat().st_mode & 0o111
    assert not (tmp_path / "text").stat().st_mode & 0o111


def test_uefi_finds_its_disk_first():
    machine = qemu.Machine(None, None, "disk", unified="/esp")
    words = " ".join(qemu.command(machine, "frames"))
    assert "file=fat:/esp" in words
    assert "bootindex=0" in words
    assert "-kernel" not in words


def test_made_again_only_when_an_ingredient_changes(tmp_path):
    source, product, calls = tmp_path / "source", tmp_path / "product", []

    def make(scratch):
        calls.append(source.read_text("ascii"))
        scratch.write_text("made", "ascii")

    for text in ("one", "one", "two"):
        source.write_text(text, "ascii")
        once.made(product, once.key_of(source), make)
    assert calls == ["one", "two"]


def test_what_failed_is_not_kept(tmp_path):
    def fail(scratch):
        scratch.write_text("half", "ascii")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        once.made(tmp_path / "product", "key", fail)
    assert not (tmp_path / "product").exists()


def test_key_sees_names_and_modes(tmp_path):
    (tmp_path / "a").write_text("x", "ascii")
    keys = {once.key_of(tmp_path)}
    (tmp_path / "a").chmod(0o755)
    keys.add(once.key_of(tmp_path))
    (tmp_path / "a").rename(tmp_path / "b")
    keys.add(once.key_of(tmp_path))
    assert len(keys) == 3


def test_case_with_an_unknown_key_is_refused(tmp_path):
    (tmp_path / "x.toml").write_text('title = ""\nconfig = ""\ndevcie = 1\n', "ascii")
    with pytest.raises(ValueError, match="devcie"):
        case.load(tmp_path / "x.toml")


def test_case_for_several_images_is_as_many_cases():
    cases = case.load(once.HERE / "cases" / "strict.toml")
    assert len({one.id for one in cases}) == len(cases) == 6
    assert {one.names[0] for one in cases} == {"strict"}
    expected = {one.suite: list(case.subjects(one))[2].expect for one in cases}
    assert expected == {"bookworm": "claimed", "trixie": "taken over"}


def test_one_table_can_be_many_devices():
    devices = case._each({"at": ["00:05.*", "01:00.0"], "model": "edu"})
    places = [one["at"] for one in devices]
    assert places == [*(f"00:05.{function}" for function in range(8)), "01:00.0"]


def test_report_must_tell_of_every_claimed_device():
    (sample,) = case.load(once.HERE / "cases" / "wrong-lines.toml")[:1]
    report = "\n".join(
        [*sample.report, "function address=0000:03:00.0 result=bound driver=vfio-pci"]
    )
    assert not list(case._report_problems(sample, report))
    assert list(case._report_problems(sample, report.replace("bound", "fenced")))
    assert list(case._report_problems(sample, ""))


LOG = """<14>[ 1.0] vfio-early: 0000:01:00.0: bound to vfio-pci (/etc/vfio-early.conf:1)
<14>[ 1.0] vfio-early: 1 bound; see /run/vfio-early/report
"""


def test_kernel_log_must_have_every_device_and_the_summary():
    report = "function address=0000:01:00.0 line=x driver=vfio-pci result=bound\n"
    assert not list(case._log_problems(report, LOG))
    assert not list(case._log_problems("", ""))
    for gone in ("01:00.0", "; see"):
        assert len(list(case._log_problems(report, LOG.replace(gone, "")))) == 1
    assert len(list(case._log_problems(report, ""))) == 2


@pytest.mark.parametrize(
    "said, problems",
    [
        ("{\n   \"status\": 0\n}\nstatus 0\n", 0),
        ("vfio-early: no IOMMU\n{\n}\nstatus 5\n", 0),
        ("{\n   \"status\": 0,\nhung\n", 1),
        ("hung\n", 1),
        ("status 127\n", 1),
        ("{\n}\nstatus -1\n", 1),
    ],
)
def test_command_must_answer(said, problems):
    one = case.Case("", "bookworm", "", "", answers=("check",))
    assert len(list(case._answer_problems(one, {"check": said}))) == problems


def test_device_with_virtual_functions_is_behind_a_port_of_its_own(monkeypatch):
    monkeypatch.setattr(qemu, "models", lambda: {"e1000e", "igb", "nvme"})
    table = case._one_of_every(case.LISTED, "")
    places = {device["model"]: device["at"] for device in table["device"]}
    assert places == {"e1000e": "00:01.0", "nvme": "00:02.0", "igb": "01:00.0"}
    assert "bind 0000:01:00.0 8086:10c9\n" in table["config"]


def test_what_the_machine_has_anyway_is_not_added():
    assert arguments(("00:1f.0", "onboard-lpc")) == ""


def one_group():
    (found,) = [
        one
        for one in case.load(once.HERE / "cases" / "one-group.toml")
        if one.suite == "bookworm"
    ]
    return found


def test_device_in_another_place_is_noticed():
    functions = "\n".join(
        f"0000:{at} id=0x{vendor_id} class=0x020000 driver=-"
        for at, vendor_id in (
            ("01:01.0", "8086:0x10d3"), ("01:02.0", "1b36:0x000d"),
            ("02:01.0", "1b36:0x000d"), ("02:02.0", "1b36:0x000d"),
        )
    )  # fmt: skip
    (problem,) = case._misplaced(one_group(), functions)
    assert problem == "0000:02:01.0: not 8086:10d3, but 1b36:000d is there"


CLIENT = """client 0000:01:01.0
failed the group is not viable: Device or resource busy
status 1
client 0000:02:01.0
ok group is viable
status 0
client 0000:02:02.0
status 0
"""


def test_client_must_find_what_is_expected():
    assert not list(case._client_problems(one_group(), CLIENT))
    for old, new in (
        ("not viable", "gone"), ("02:02.0\nstatus 0", "02:02.0\nstatus 1"),
        ("client 0000:02:01.0\n", ""), (CLIENT, ""),
    ):  # fmt: skip
        assert list(case._client_problems(one_group(), CLIENT.replace(old, new)))


INNER = """[    1.0] e1000e: Copyright(c)\r
function 0000:00:01.0 8086:10d3 e1000e 52:54:00:fe:ed:01\r
function 0000:00:02.0 1b36:0010 nvme a drive that the guest gave away\r
status 0
"""


def test_machine_inside_must_find_what_is_expected():
    (one,) = case.load(once.HERE / "cases" / "inner.toml")
    assert not list(case._inner_problems(one, INNER))
    for old, new in (("ed:01", "ed:02"), ("gave", "had"), ("nvme", "-"), ("function", "no")):
        assert list(case._inner_problems(one, INNER.replace(old, new)))
    assert len(list(case._inner_problems(one, ""))) == 2


STATUS = """{
   "devices": [
      {"address": "0000:01:01.0", "result": "not-viable"},
      {"address": "0000:02:01.0", "result": "bound"},
      {"address": "0000:02:02.0", "result": "bound"}
   ]
}
status 1
"""


def test_status_must_say_what_is_expected():
    assert not list(case._status_problems(one_group(), STATUS))
    assert list(case._status_problems(one_group(), STATUS.replace("not-viable", "bound")))
    assert len(list(case._status_problems(one_group(), "no program\nstatus 127\n"))) == 3


def test_catalogue_has_every_device_and_no_other():
    rows = image.catalogue()
    everywhere = {model for model, row in rows.items() if "qemu" not in row}
    assert everywhere - set(qemu.ROOTS) - set(qemu.ONBOARD) <= set(catalogue.read()) <= set(rows)


def test_catalogue_has_the_ids_that_the_config_is_written_with():
    rows = image.catalogue()
    assert all(row["id"] == rows[model]["id"] for model, row in catalogue.read().items())


def test_catalogue_that_says_something_else_is_found_out(monkeypatch):
    (nic,) = [{"at": "00:01.0", "model": "e1000e", "expect": case.LISTED}]
    functions = "0000:00:01.0 id=0x8086:0x10d3 class=0x020000 driver=vfio-pci override=x\n"
    subject = judge.Subject("0000:00:01.0", judge.CLAIMED, "e1000e", "e1000e")
    kernel = type("", (), {"builtin": set(), "loadable": {"e1000e"}})
    monkeypatch.setattr(catalogue.debian, "suite", lambda name: kernel)

    def differences(client, codes=()):
        boot = qemu.Boot("", "", {"functions": functions, "client": client}, 0)
        finding = judge.Finding(subject, "", tuple((code, "") for code in codes))
        one = case.Case("", "bookworm", "", "", device=(nic,))
        return list(catalogue.differences(case.Outcome(one, boot, (finding,), ())))

    used = "client 0000:00:01.0\nok device is open\n"
    assert not differences(f"{used}status 0\n")
    assert "not opened" in differences(f"{used}status 1\n")[0]
    assert "host-first" in differences(f"{used}status 0\n", ["host-first"])[0]


def test_summary_has_a_line_a_case_and_a_column_a_kernel():
    cases = [
        case.Case("a", "bookworm", "", ""),
        case.Case("a", "bullseye", "", ""),
        case.Case("b", "bookworm", "", "", image="dracut", of_many=True),
    ]
    reports = [
        ("passed", "test-vm/test_cases.py::test_case[a-bookworm]", 12.3),
        ("failed", "test-vm/test_cases.py::test_case[b-bookworm-dracut]", 30.0),
        ("passed", "test/test_boot.py::test_case[a-bullseye]", 1.0),
    ]
    table = summary.cells(reports, cases)
    assert summary.lines(table, ["bullseye", "bookworm"]) == [
        "case        bookworm",
        "a           ok 12 s",
        "b (dracut)  FAILED 30 s",
    ]
    assert summary.lines({}, ["bookworm"]) == []
