import pytest

from oyez.data.corpora.recordings import utterances
from oyez.data.manifest import ManifestError, Utterance

JSONL = '{"path": "a.wav", "text": "from jsonl"}\n'
TSV = "path\ttext\na.wav\tfrom tsv\n"


@pytest.mark.parametrize(("name", "content", "text"), [("jsonl", JSONL, "from jsonl"), ("tsv", TSV, "from tsv")])
@pytest.mark.parametrize("by_file", [True, False])
def test_a_folder_or_its_manifest_gives_the_recordings(tmp_path, name, content, text, by_file):
    manifest = tmp_path / f"manifest.{name}"
    manifest.write_text(content)

    assert utterances(manifest if by_file else tmp_path) == [Utterance(tmp_path / "a.wav", text)]


def test_a_manifest_of_another_name_is_taken_when_it_is_given(tmp_path):
    (tmp_path / "kitchen.tsv").write_text(TSV)

    assert utterances(tmp_path / "kitchen.tsv") == [Utterance(tmp_path / "a.wav", "from tsv")]


def test_jsonl_goes_before_tsv(tmp_path):
    (tmp_path / "manifest.jsonl").write_text(JSONL)
    (tmp_path / "manifest.tsv").write_text(TSV)

    assert [u.text for u in utterances(tmp_path)] == ["from jsonl"]


@pytest.mark.parametrize("folder", [".", "missing"])
def test_a_folder_without_a_manifest_is_named(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match=str(tmp_path / folder)):
        utterances(tmp_path / folder)


def test_a_damaged_manifest_is_named(tmp_path):
    (tmp_path / "manifest.jsonl").write_text(JSONL + "{}\n")

    with pytest.raises(ManifestError, match=r"manifest\.jsonl, line 2"):
        utterances(tmp_path)
