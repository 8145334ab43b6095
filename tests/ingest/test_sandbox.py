"""The child process that reads: what it gives back, and that nothing it does reaches the parent."""

import hashlib
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from core.errors import BackendError, LockedFile, TooLarge, UnreadableFile, UnsupportedFormat
from ingest.limits import Limits
from ingest.readers import plain
from ingest.sandbox import read_file
from tests.ingest.readers.papers import changed, nowhere, paper, write

LIMITS = Limits()


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def test_the_child_gives_back_what_the_reader_finds(tmp_path: Path, scratch: Path) -> None:
    path = put(tmp_path, "note.txt", "PART ONE\n\nSome words.\n\n中文。".encode())
    assert read_file(path, name="note.txt", limits=LIMITS, scratch=scratch) == plain.read(path, nowhere)
    assert list(scratch.iterdir()) == []


def test_boxes_and_rows_survive_the_way_back(tmp_path: Path, scratch: Path) -> None:
    path = paper(tmp_path / "a.pdf", lambda canvas: write(canvas, ["Gross margin"], 72, 600))
    content = read_file(path, name="a.pdf", limits=LIMITS, scratch=scratch)
    (block,) = content.pages[0].blocks
    assert block.box is not None
    assert block.spans[1].box.x0 > block.spans[0].box.x1 > block.box.x0
    assert content.pages[0].width == 600


def test_images_lie_in_the_scratch_folder_under_their_hash(tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (60, 40), "navy").save(path)
    content = read_file(path, name="a.png", limits=LIMITS, scratch=scratch)
    key = content.pages[0].image
    assert key == content.pages[0].blocks[0].image
    assert [file.name for file in scratch.iterdir()] == [key]
    assert hashlib.sha256((scratch / str(key)).read_bytes()).hexdigest() == key


def test_errors_of_the_reader_keep_their_kind(tmp_path: Path, scratch: Path) -> None:
    locked = paper(tmp_path / "locked.pdf", lambda canvas: write(canvas, ["secret"], 72, 600))
    changed(locked, lambda _: None, encryption=pikepdf.Encryption(owner="owner", user="secret"))
    huge = tmp_path / "huge.png"
    Image.new("1", (9000, 9000)).save(huge)
    for path, kind in (
        (locked, LockedFile),
        (put(tmp_path, "empty.txt", b""), UnreadableFile),
        (put(tmp_path, "program", b"\x7fELF" + bytes(100)), UnsupportedFormat),
        (huge, TooLarge),
    ):
        with pytest.raises(kind) as caught:
            read_file(path, name=path.name, limits=LIMITS, scratch=scratch)
        assert type(caught.value) is kind
    assert list(scratch.iterdir()) == []


def test_a_file_that_is_not_there_is_an_error_of_the_file(tmp_path: Path, scratch: Path) -> None:
    with pytest.raises(UnreadableFile, match="No such file"):
        read_file(tmp_path / "gone.txt", name="gone.txt", limits=LIMITS, scratch=scratch)


def test_a_bomb_stops_at_the_memory_limit(tmp_path: Path, scratch: Path) -> None:
    """300 MB of content in 300 kB, as `../hostile-pdf/gen_flate_bomb` has it."""
    packer = zlib.compressobj(1)
    stream = b"".join([packer.compress(b"BT " * 1_000_000) for _ in range(100)]) + packer.flush()
    path = tmp_path / "bomb.pdf"
    with pikepdf.new() as document:
        document.add_blank_page()
        document.pages[0].Contents = pikepdf.Stream(document, stream, {"/Filter": pikepdf.Name.FlateDecode})
        document.save(path)
    with pytest.raises(UnreadableFile, match="memory limit of 250 MB"):
        read_file(path, name="bomb.pdf", limits=Limits(memory_mb=250), scratch=scratch)


def test_a_file_that_takes_for_ever_stops_at_the_time_limit(tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "pipe.txt"
    os.mkfifo(path)
    begun = time.monotonic()
    with pytest.raises(UnreadableFile, match="time limit of 1 seconds"):
        read_file(path, name="pipe.txt", limits=Limits(wall_seconds=1), scratch=scratch)
    assert time.monotonic() - begun < 20


def test_a_file_that_takes_too_much_computing_stops_at_the_cpu_limit(tmp_path: Path, scratch: Path) -> None:
    path = put(tmp_path, "long.csv", b"a;b;c;d\n" + b"1;2;3;4\n" * 1_500_000)
    with pytest.raises(UnreadableFile, match="limit of 1 CPU seconds"):
        read_file(path, name="long.csv", limits=Limits(cpu_seconds=1), scratch=scratch)


def test_a_reader_that_is_killed_is_reported(tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "pipe.txt"
    os.mkfifo(path)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(read_file, path, name="pipe.txt", limits=LIMITS, scratch=scratch)
        os.kill(_child_with("pipe.txt"), signal.SIGKILL)
        with pytest.raises(BackendError, match="was killed"):
            future.result(timeout=20)


def _child_with(argument: str) -> int:
    """The process of ours whose command line holds `argument`."""
    return _child_of(os.getpid(), argument)


def _child_of(parent: int, argument: str) -> int:
    while True:
        for task in Path(f"/proc/{parent}/task").iterdir():
            for child in (task / "children").read_text().split():
                if argument in Path(f"/proc/{child}/cmdline").read_bytes().decode():
                    return int(child)
        threading.Event().wait(0.01)


def test_many_files_are_read_at_once(tmp_path: Path, scratch: Path) -> None:
    paths = [put(tmp_path, f"{number}.txt", f"file number {number}".encode()) for number in range(6)]
    with ThreadPoolExecutor(3) as pool:
        contents = pool.map(
            lambda path: read_file(path, name=path.name, limits=LIMITS, scratch=scratch), paths
        )
    assert [content.pages[0].blocks[0].text for content in contents] == [f"file number {n}" for n in range(6)]


CONFINED = """
import os, resource, socket, sys
from ingest.limits import Limits, confine
confine(Limits(memory_mb=512, cpu_seconds=7, file_mb=3), os.getppid())
print(resource.getrlimit(resource.RLIMIT_AS)[1] >> 20, resource.getrlimit(resource.RLIMIT_CPU)[0],
      resource.getrlimit(resource.RLIMIT_FSIZE)[1] >> 20, resource.getrlimit(resource.RLIMIT_CORE)[1])
try:
    bytearray(600 << 20)
except MemoryError:
    print("refused")
print(*(name for _, name in socket.if_nameindex()))
"""


def test_the_limits_hold_and_the_network_is_gone_where_the_kernel_permits() -> None:
    done = subprocess.run([sys.executable, "-c", CONFINED], capture_output=True, text=True, check=True)
    limits, refused, interfaces = done.stdout.splitlines()
    assert limits == "512 7 3 0"
    assert refused == "refused"
    permitted = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0
    assert not permitted or set(interfaces.split()) <= {"lo"}


WRITES_TOO_MUCH = """
import os, sys
from pathlib import Path
from ingest.limits import Limits, confine
confine(Limits(file_mb=1), os.getppid())
try:
    Path(sys.argv[1]).write_bytes(bytes(2 << 20))
except OSError as error:
    print(error.strerror)
"""


def test_no_file_grows_beyond_its_limit(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITES_TOO_MUCH, str(tmp_path / "large")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "File too large\n"
    assert (tmp_path / "large").stat().st_size <= 1 << 20


BREEDS = """
import os, sys, threading
from ingest.limits import Limits, confine
os.setuid(65534)
confine(Limits(processes=20), os.getppid())
hold, begun = threading.Event(), 0
try:
    for begun in range(100):
        threading.Thread(target=hold.wait, daemon=True).start()
except RuntimeError:
    print("refused after", begun)
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become a user who runs nothing else")
def test_a_reader_cannot_start_processes_without_end() -> None:
    done = subprocess.run([sys.executable, "-c", BREEDS], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("refused after ")
    assert int(done.stdout.split()[-1]) <= 20


READS = """
import sys
from pathlib import Path
from ingest.limits import Limits
from ingest.sandbox import read_file
read_file(Path(sys.argv[1]), name="pipe.txt", limits=Limits(), scratch=Path(sys.argv[2]))
"""


def test_a_reader_does_not_outlive_a_parent_that_is_killed(tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "pipe.txt"
    os.mkfifo(path)
    parent = subprocess.Popen([sys.executable, "-c", READS, str(path), str(scratch)])
    child = _child_of(parent.pid, "pipe.txt")
    ended = os.pidfd_open(child)
    try:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert select.select([ended], [], [], 20)[0], "the reader lives on"
    finally:
        os.close(ended)


def test_the_reader_has_the_file_as_a_descriptor_that_only_reads(tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "pipe.txt"
    os.mkfifo(path)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(read_file, path, name="pipe.txt", limits=LIMITS, scratch=scratch)
        child = _child_with("pipe.txt")
        opened = list(Path(f"/proc/{child}/fd").iterdir())
        handed = [one.name for one in opened if one.resolve() == path.resolve()]
        flags = [Path(f"/proc/{child}/fdinfo/{number}").read_text() for number in handed]
        command = Path(f"/proc/{child}/cmdline").read_bytes().decode()
        os.kill(child, signal.SIGKILL)
        with pytest.raises(BackendError, match="was killed"):
            future.result(timeout=20)
    assert handed
    for flag in flags:
        (bits,) = re.findall(r"flags:\s+(\d+)", flag)
        assert int(bits, 8) & os.O_ACCMODE == os.O_RDONLY
    assert str(tmp_path / "pipe.txt") not in command


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gen_pages_loop", "the page is damaged"),
        ("gen_count_2e9", "no text and no picture on its 1 pages"),
        ("gen_huge_page", "no text and no picture"),
        ("gen_truncated_half", "damaged or cut off"),
        ("poppler-937-0-fuzzed", "the page is damaged"),
        ("pr6531_1", "password"),
        ("boundingBox_invalid", None),
        ("recursiveCompositGlyf", None),
        ("gen_text_named_pdf", None),
    ],
)
def test_hostile_files_end_in_a_reason_or_in_their_words(
    data: Path, scratch: Path, name: str, reason: str | None
) -> None:
    path = data / "hostile-pdf" / f"{name}.pdf"
    if reason is None:
        content = read_file(path, name=path.name, limits=LIMITS, scratch=scratch)
        assert any(block.text for page in content.pages for block in page.blocks)
    else:
        with pytest.raises(UnreadableFile, match=reason):
            read_file(path, name=path.name, limits=LIMITS, scratch=scratch)
