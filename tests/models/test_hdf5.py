"""The HDF5 reader against h5py, against files that were made wrong by hand, and against noise."""

from __future__ import annotations

import io
from typing import Any

import h5py
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.making import FILES, fixture, read, refusal, survive
from tfcompat.errors import CouldNotCheck
from tfcompat.models.files import MemoryModelFiles, ModelFile
from tfcompat.models.hdf5 import Group, load_root, superblock_of

CUT = "copy or download it again: a download that was interrupted leaves such a file"
ODD = "open it with h5py and save it again, or check where the file comes from"
ALL = sorted(path.name for path in FILES.glob("*.h5"))


def root_of(content: bytes) -> Group:
    file = ModelFile(MemoryModelFiles({"it": content}), "it", len(content))
    start = superblock_of(file)
    assert start is not None
    return load_root(file, start)


def made(fill: Any, **options: Any) -> bytes:
    memory = io.BytesIO()
    with h5py.File(memory, "w", **options) as file:
        fill(file)
    return memory.getvalue()


def texts_of(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, str | bytes):
        value = [value]
    elif getattr(value, "dtype", None) is None or value.dtype.kind not in "SO":
        return None
    else:
        value = value.ravel()
    return tuple(item.decode() if isinstance(item, bytes) else item for item in value)


def same(group: Group, reference: Any) -> int:
    """Every group, attribute and string as h5py has it; how many objects were compared."""
    assert group.attributes() == tuple(sorted(reference.attrs))
    for name, value in reference.attrs.items():
        assert group.texts(name) == texts_of(value), name
    if isinstance(reference, h5py.Dataset):
        assert group.is_dataset
        return 1
    assert not group.is_dataset
    assert group.names() == tuple(sorted(reference))
    count = 1
    for name in reference:
        if reference.get(name, getlink=True).__class__ is h5py.HardLink:
            inner = group.group(name)
            assert inner is not None
            count += same(inner, reference[name])
        else:
            assert group.group(name) is None
    return count


@pytest.mark.parametrize("name", ALL)
def test_real_files_read_as_h5py_reads_them(name: str) -> None:
    with h5py.File(FILES / name) as file:
        assert same(root_of(fixture(name)), file) > 5


def some(file: Any) -> None:
    import numpy

    file.attrs["variable"] = "text with é and 漢"
    file.attrs["bytes"] = b"bytes"
    file.attrs["long"] = "x" * 200_000
    file.attrs["empty"] = ""
    file.attrs["fixed"] = numpy.array([b"one", b"three"])
    file.attrs["fixed_2d"] = numpy.array([[b"a", b"b"], [b"c", b"d"]])
    file.attrs["several"] = numpy.array(["first", "", "third"], dtype=h5py.string_dtype())
    file.attrs["none"] = numpy.zeros((0,), dtype="S3")
    file.attrs["number"] = 7
    file.attrs["numbers"] = numpy.arange(4)
    for index in range(40):
        inner = file.create_group(f"group {index}")
        inner.attrs["name"] = f"attribute {index}"
    deep = file.create_group("one/two/three")
    deep.create_dataset("data", data=numpy.arange(10)).attrs["dtype"] = "int"
    file["soft"] = h5py.SoftLink("/one/two")
    file["hard"] = file["one"]


def few(file: Any) -> None:
    """What a version 2 group keeps in its header: at most 8 links and 8 attributes."""
    for name in ("one", "two", "three"):
        file.create_group(name).attrs["name"] = name
    file["one/soft"] = h5py.SoftLink("/two")
    file["one/external"] = h5py.ExternalLink("other.h5", "/")
    file.attrs["variable"] = "text"
    file.attrs["fixed"] = b"fixed"
    file.attrs["long"] = "y" * 100_000
    file.create_dataset("data", data=1.5).attrs["unit"] = "m"


@pytest.mark.parametrize("userblock", [0, 512, 4096])
@pytest.mark.parametrize("libver", ["earliest", ("earliest", "v108"), "v108", "v110", "latest"])
def test_files_of_every_version_read_as_h5py_reads_them(libver: Any, userblock: int) -> None:
    content = made(few if libver in ("latest", "v108", "v110") else some, libver=libver, userblock_size=userblock)
    with h5py.File(io.BytesIO(content)) as file:
        assert same(root_of(content), file) >= 5


def test_groups_that_keep_the_order_of_their_members_are_read() -> None:
    content = made(few, track_order=True)
    with h5py.File(io.BytesIO(content)) as file:
        assert same(root_of(content), file) == 5


def test_a_user_block_that_was_put_before_the_file_later_is_stepped_over() -> None:
    content = b"#!" + bytes(510) + made(few)
    with h5py.File(io.BytesIO(content)) as file:
        assert same(root_of(content), file) == 5


def test_a_large_group_is_a_tree_of_several_levels() -> None:
    def fill(file: Any) -> None:
        for index in range(900):
            file.create_group(f"layer_{index}")

    assert len(root_of(made(fill)).names()) == 900


@given(
    st.dictionaries(
        st.text(st.characters(exclude_characters="\x00/", exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
            lambda n: n.strip(".")
        ),
        st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=300),
        max_size=7,
    ),
    st.sampled_from(["earliest", "latest"]),
)
@settings(max_examples=40, deadline=None)
def test_any_names_and_texts_read_as_h5py_reads_them(said: dict[str, str], libver: str) -> None:
    def fill(file: Any) -> None:
        for name, text in said.items():
            file.create_group(name).attrs[name] = text
            file.attrs[name] = text

    content = made(fill, libver=libver)
    with h5py.File(io.BytesIO(content)) as file:
        assert same(root_of(content), file) == len(said) + 1


def test_attributes_in_a_fractal_heap_are_refused() -> None:
    def fill(file: Any) -> None:
        for index in range(20):
            file.attrs[f"attribute {index}"] = "text"

    content = made(fill, libver="latest")
    assert refusal(content) == f"model cannot be read: it keeps attributes in a fractal heap, as no Keras writes them | {ODD}"


def test_groups_in_a_fractal_heap_are_refused() -> None:
    def fill(file: Any) -> None:
        for index in range(20):
            file.create_group(f"group {index}")

    content = made(fill, libver="latest")
    assert refusal(content) == f"model cannot be read: it keeps a group in a fractal heap, as no Keras writes it | {ODD}"


def test_an_attribute_of_a_named_type_is_refused() -> None:
    def fill(file: Any) -> None:
        file["type"] = h5py.string_dtype()
        file.attrs.create("model_config", "{}", dtype=file["type"])

    assert (
        refusal(made(fill))
        == f"model cannot be read: its attribute 'model_config' has a type that stands elsewhere, as no Keras writes it | {ODD}"
    )


def test_a_download_that_was_interrupted_says_how_much_is_there() -> None:
    content = fixture("keras-2.4.0-dense.h5")
    assert refusal(content[:20_000]) == f"model cannot be read: it is cut short: it has 20,000 bytes of 26,344 | {CUT}"
    assert refusal(content[:60]) == f"model cannot be read: it is cut short: it has 60 bytes of 26,344 | {CUT}"
    assert refusal(content[:40]) == f"model cannot be read: a part of it would lie behind its end | {CUT}"


def test_a_superblock_of_the_future_is_refused() -> None:
    content = bytearray(fixture("keras-2.4.0-dense.h5"))
    content[8] = 4
    assert refusal(bytes(content)) == f"model cannot be read: its HDF5 superblock has version 4, and 0 to 3 are known | {ODD}"


def test_sizes_of_addresses_that_none_has_are_refused() -> None:
    content = bytearray(fixture("keras-2.4.0-dense.h5"))
    content[13] = 3
    assert refusal(bytes(content)) == f"model cannot be read: its HDF5 superblock is damaged | {CUT}"


CIRCLE = f"model cannot be read: its groups and attributes take more than 20,000 steps, or lead in a circle | {ODD}"


def superblock(root: int, size: int) -> bytes:
    """A superblock of version 2 with the root's header at *root*."""
    return b"\x89HDF\r\n\x1a\n" + bytes((2, 8, 8, 0)) + b"".join(n.to_bytes(8, "little") for n in (0, 2**64 - 1, size, root)) + bytes(4)


def little(*numbers: tuple[int, int]) -> bytes:
    return b"".join(value.to_bytes(width, "little") for value, width in numbers)


def test_a_continuation_that_leads_to_itself_ends() -> None:
    message = little((0x10, 2), (16, 2), (0, 4), (64, 8), (24, 8))  # at 64, of 24 bytes: itself
    content = superblock(48, 88) + little((1, 1), (0, 1), (1, 2), (1, 4), (24, 4), (0, 4)) + message
    assert refusal(content) == CIRCLE


def test_continuations_of_version_2_that_lead_to_one_another_end() -> None:
    first = b"OHDR" + little((2, 1), (0, 1), (20, 1)) + little((0x10, 1), (16, 2), (0, 1), (100, 8), (28, 8)) + bytes(4)
    again = b"OCHK" + little((0x10, 1), (16, 2), (0, 1), (100, 8), (28, 8)) + bytes(4)
    assert refusal((superblock(48, 128) + first).ljust(100, b"\x00") + again) == CIRCLE


def test_a_tree_that_is_its_own_branch_ends() -> None:
    header = little((1, 1), (0, 1), (1, 2), (1, 4), (24, 4), (0, 4)) + little((0x11, 2), (16, 2), (0, 4), (200, 8), (120, 8))
    heap = b"HEAP" + little((0, 4), (8, 8), (0, 8), (160, 8))
    tree = b"TREE" + little((0, 1), (1, 1), (2, 2), (0, 8), (0, 8), (0, 8), (200, 8), (0, 8), (200, 8), (0, 8))
    content = (superblock(48, 264) + header).ljust(120, b"\x00") + heap
    assert refusal(content.ljust(200, b"\x00") + tree) == CIRCLE


def test_groups_that_hold_themselves_are_searched_for_a_while() -> None:
    def fill(file: Any) -> None:
        file["layers"] = file["/"]

    assert (
        refusal(made(fill))
        == "model cannot be read: it is HDF5, but no model of Keras | name a model that was saved with model.save(), or weights of model.save_weights()"
    )


def test_a_heap_that_does_not_end_is_damaged() -> None:
    content = bytearray(fixture("keras-2.4.0-dense.h5"))
    at = content.index(b"GCOL")
    while at != -1:
        content[at + 16 : at + 18] = b"\xfe\xff"  # another index
        at = content.find(b"GCOL", at + 1)
    assert refusal(bytes(content)) == f"model cannot be read: a heap of its HDF5 is damaged | {CUT}"


def test_a_text_that_is_too_long_is_not_read() -> None:
    content = made(lambda file: file.attrs.__setitem__("model_config", " " * ((16 << 20) + 1)))
    assert refusal(content) == "model cannot be read: an attribute of it has more than 8 MiB | check where the file comes from"


def test_a_file_that_shrinks_while_it_is_read_says_so() -> None:
    content = fixture("keras-2.4.0-dense.h5")

    class Shrinking(MemoryModelFiles):
        def size(self, name: str) -> int | None:
            return len(content) + 5

    from tfcompat.models.reading import read_model

    with pytest.raises(CouldNotCheck) as caught:
        read_model("model", Shrinking({"model": content[:100]}))
    assert caught.value.message == "model cannot be read: it became shorter while it was read"
    assert caught.value.hint == "read it again once nothing writes to it"


def test_what_lies_between_is_not_read() -> None:
    content = made(lambda file: (file.create_dataset("weights", data=b"x" * 3_000_000), file.attrs.__setitem__("model_config", "{}")))
    files = MemoryModelFiles({"model": content})
    from tfcompat.models.reading import read_model

    assert read_model("model", files).format == ".h5"
    assert files.bytes_read < 200_000
    assert len(content) > 3_000_000


SEEDS = [fixture(name) for name in ALL] + [made(few, libver="latest"), made(some)]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    content = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, min(len(content), 8192) - 1) | st.integers(0, len(content) - 1))
        new = draw(st.binary(min_size=1, max_size=8) | st.sampled_from([b"\xff" * 8, b"\x00" * 8, b"\xff\xff\xff\x7f", b"\x10\x00"]))
        content[at : at + len(new)] = new
    return bytes(content[: draw(st.just(len(content)) | st.integers(0, len(content)))])


@given(damaged())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_damage_ends_in_a_model_or_an_error(content: bytes) -> None:
    survive({"model": content}, "model")


@given(st.sampled_from([b"\x89HDF\r\n\x1a\n\x00", b"\x89HDF\r\n\x1a\n\x02\x08\x08\x00", b""]), st.binary(max_size=2000))
@settings(max_examples=100, deadline=None)
def test_any_bytes_end_in_a_model_or_an_error(start: bytes, rest: bytes) -> None:
    survive({"model": start + rest}, "model")


def test_a_whole_model_reads() -> None:
    model = read(fixture("keras-2.4.0-dense.h5"))
    assert (model.format, str(model.keras), model.architecture, model.compiled) == (".h5", "2.4.0", "Sequential", True)
    assert model.layers == ("Dense", "Dropout", "InputLayer")
