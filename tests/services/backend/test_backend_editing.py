"""Changing assets: titles, tags, ratings, the trash, collections, many at once."""

import json

import pytest
from library_client import JPEG, A, library_client


def test_an_edit_changes_what_it_names_and_nothing_else(api):
    number = api.add("a.jpg")
    before = api.get(f"{A}/{number}").json()
    answer = api.patch(
        f"{A}/{number}", json={"title": " New  title ", "rating": 4, "favorite": True, "tags": ["B", "a"]}
    )
    assert answer.status_code == 200
    asset = answer.json()
    assert (asset["title"], asset["rating"], asset["favorite"], asset["tags"]) == ("New title", 4, True, ["a", "B"])
    assert asset["rev"] > before["rev"]
    cleared = api.patch(f"{A}/{number}", json={"rating": None, "tags": []}).json()
    assert (cleared["title"], cleared["rating"], cleared["tags"], cleared["favorite"]) == ("New title", None, [], True)


def test_an_edit_that_changes_nothing_is_no_revision(api):
    number = api.add("a.jpg", title="Same", tags=["x"])
    rev = api.get(f"{A}/{number}").json()["rev"]
    assert api.patch(f"{A}/{number}", json={"title": "Same", "tags": ["x"]}).json()["rev"] == rev


def test_if_match_lets_only_the_seen_revision_be_changed(api):
    number = api.add("a.jpg")
    tag = api.get(f"{A}/{number}").headers["etag"]
    assert api.patch(f"{A}/{number}", json={"title": "One"}, headers={"If-Match": tag}).status_code == 200
    late = api.patch(f"{A}/{number}", json={"title": "Two"}, headers={"If-Match": tag})
    assert (late.status_code, late.json()["context"]["asset_id"]) == (412, number)
    assert api.get(f"{A}/{number}").json()["title"] == "One"
    assert api.patch(f"{A}/{number}", json={"title": "Two"}, headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        None, [], {}, {"owner": 1}, {"title": ""}, {"title": "\u202e"}, {"title": 3}, {"rating": 6}, {"rating": 2.5},
        {"rating": True}, {"favorite": 1}, {"tags": "x"}, {"tags": [1]}, {"tags": [""]}, {"tags": ["x" * 101]},
        {"tags": ["t"] * 51}, {"file_path": "b.jpg"},
    ],
)  # fmt: skip
def test_a_bad_edit_is_a_400_and_changes_nothing(shared_api, body):
    before = shared_api.get(f"{A}/1").json()
    assert shared_api.patch(f"{A}/1", json=body).status_code == 400
    assert shared_api.get(f"{A}/1").json() == before


@pytest.mark.parametrize("number", [99, 2**63, 10**30])
def test_what_is_not_there_is_a_404_for_every_change(shared_api, number):
    api = shared_api
    assert api.patch(f"{A}/{number}", json={"title": "x"}).status_code == 404
    for path in ("restore", "reprocess"):
        assert api.post(f"{A}/{number}/{path}").status_code == 404
    for query in ("", "?permanent=true", "?permanent=true&delete_file=true"):
        assert api.delete(f"{A}/{number}{query}").status_code == 404


def test_tags_are_one_in_whatever_case_and_are_found_by_filter_and_search(api):
    api.add("a.jpg", tags=["Summer", "summer", "Café"])
    api.add("b.jpg", tags=["SUMMER"])
    assert [(tag["name"], tag["assets"]) for tag in api.get("/api/v1/tags").json()["items"]] == [
        ("Café", 1),
        ("Summer", 2),
    ]
    assert api.paths(tag="sUMMER") == ["a.jpg", "b.jpg"]
    assert api.paths(q="cafe") == ["a.jpg"]
    assert api.get(A, params=[("tag", "summer"), ("tag", "café")]).json()["meta"]["total"] == 1


def test_a_tag_can_be_renamed_merged_and_deleted(api):
    one, two = api.add("a.jpg", tags=["red"]), api.add("b.jpg", tags=["rot", "blue"])
    ids = {tag["name"]: tag["id"] for tag in api.get("/api/v1/tags").json()["items"]}
    assert api.patch(f"/api/v1/tags/{ids['blue']}", json={"name": "Azure"}).json()["name"] == "Azure"
    assert api.patch(f"/api/v1/tags/{ids['rot']}", json={"name": "red"}).json()["assets"] == 2
    assert [api.get(f"{A}/{number}").json()["tags"] for number in (one, two)] == [["red"], ["Azure", "red"]]
    assert api.paths(q="azure") == ["b.jpg"]
    assert api.delete(f"/api/v1/tags/{ids['red']}").status_code == 204
    assert [api.get(f"{A}/{number}").json()["tags"] for number in (one, two)] == [[], ["Azure"]]
    assert [tag["name"] for tag in api.get("/api/v1/tags").json()["items"]] == ["Azure"]
    assert api.delete(f"/api/v1/tags/{ids['red']}").status_code == 404
    assert api.patch("/api/v1/tags/99", json={"name": "x"}).status_code == 404
    assert api.patch(f"/api/v1/tags/{ids['blue']}", json={"title": "x"}).status_code == 400


def test_the_trash_keeps_the_file_and_gives_the_asset_back_with_all_it_had(api):
    number = api.add("a.jpg", title="Mine", tags=["x"], rating=3)
    assert api.delete(f"{A}/{number}").status_code == 204
    assert api.delete(f"{A}/{number}").status_code == 404
    assert api.get(f"{A}/{number}").status_code == 404
    assert (api.media / "a.jpg").exists()
    assert api.items() == []
    [trashed] = api.items(trashed="true")
    assert trashed["deleted_at"]
    assert api.get("/api/v1/stats").json()["trashed"] == 1
    restored = api.post(f"{A}/{number}/restore").json()
    assert (restored["title"], restored["tags"], restored["rating"], restored["deleted_at"]) == ("Mine", ["x"], 3, None)
    assert api.post(f"{A}/{number}/restore").status_code == 200


def test_forgetting_for_good_needs_two_words_to_touch_a_file_and_the_library_to_own_it(api):
    number = api.add("a.jpg")
    assert api.delete(f"{A}/{number}?delete_file=true").status_code == 400
    assert api.delete(f"{A}/{number}?permanent=maybe").status_code == 400
    refused = api.delete(f"{A}/{number}?permanent=true&delete_file=true")
    assert (refused.status_code, (api.media / "a.jpg").exists()) == (409, True)
    assert api.delete(f"{A}/{number}?permanent=true").status_code == 204
    assert (api.media / "a.jpg").exists()
    assert api.items(trashed="true") == []


def test_an_uploaded_file_and_one_of_a_writable_folder_can_be_deleted(tmp_path):
    with library_client(tmp_path, media_writable=True) as api:
        number = api.add("sub/a.jpg")
        assert api.delete(f"{A}/{number}?permanent=true&delete_file=true").status_code == 204
        assert not (api.media / "sub" / "a.jpg").exists()
    with library_client(tmp_path) as api:
        asset = api.post(A, files={"file": ("b.jpg", JPEG)}).json()
        assert api.delete(f"{A}/{asset['id']}").status_code == 204
        assert api.delete(f"{A}/{asset['id']}?permanent=true&delete_file=true").status_code == 204
        assert not (api.media / asset["file_path"]).exists()


def test_a_bulk_deletion_with_files_leaves_those_that_must_stay(api):
    kept = api.add("a.jpg")
    uploaded = api.post(A, files={"file": ("b.jpg", JPEG)}).json()
    body = {"action": "delete", "ids": [kept, uploaded["id"]], "delete_file": True}
    assert api.post(f"{A}/bulk", json=body).json()["changed"] == 1
    assert ((api.media / "a.jpg").exists(), (api.media / uploaded["file_path"]).exists()) == (True, False)
    assert api.paths() == ["a.jpg"]


def test_deleting_a_file_never_follows_a_link_out_of_the_media_folder(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    victim = outside / "a.jpg"
    with library_client(tmp_path, media_writable=True) as api:
        number = api.add("sub/a.jpg")
        (api.media / "sub" / "a.jpg").rename(victim)
        (api.media / "sub").rmdir()
        (api.media / "sub").symlink_to(outside)
        assert api.delete(f"{A}/{number}?permanent=true&delete_file=true").status_code == 409
        assert victim.exists()
        assert api.get(f"{A}/{number}").status_code == 200


def test_reprocessing_queues_an_asset_again(api):
    number = api.add("a.jpg")
    answer = api.post(f"{A}/{number}/reprocess")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")


def test_collections_have_names_and_members(api):
    one, two = api.add("a.jpg"), api.add("b.jpg")
    made = api.post("/api/v1/collections", json={"name": "Best"})
    assert (made.status_code, made.json()["assets"]) == (201, 0)
    path = made.headers["location"]
    assert api.post("/api/v1/collections", json={"name": "BEST"}).status_code == 409
    changed = api.post(f"{path}/assets", json={"add": [one, two, 99]}).json()
    assert (changed["added"], changed["removed"], changed["assets"]) == (2, 0, 2)
    changed = api.post(f"{path}/assets", json={"add": [one], "remove": [two]}).json()
    assert (changed["added"], changed["removed"], changed["assets"]) == (0, 1, 1)
    assert api.paths(collection=made.json()["id"]) == ["a.jpg"]
    assert api.patch(path, json={"name": "Good"}).json()["name"] == "Good"
    api.post("/api/v1/collections", json={"name": "Other"})
    assert api.patch(path, json={"name": "other"}).status_code == 409
    assert [one["name"] for one in api.get("/api/v1/collections").json()["items"]] == ["Good", "Other"]
    assert api.delete(path).status_code == 204
    for method in (api.get, api.delete):
        assert method(path).status_code == 404
    assert api.paths() == ["a.jpg", "b.jpg"]
    for body in (None, [], {}, {"name": ""}, {"name": 3}, {"name": "x", "y": 1}):
        assert api.post("/api/v1/collections", json=body).status_code == 400


def test_a_bulk_change_says_first_what_it_would_do(api):
    ids = [api.add(f"{name}.jpg") for name in "abc"]
    meant = {"action": "tag", "tags": ["x"], "ids": [*ids, 99], "dry_run": True}
    assert api.post(f"{A}/bulk", json=meant).json() == {"matched": 4, "changed": 0, "job_id": None, "dry_run": True}
    assert api.paths(tag="x") == []
    assert api.post(f"{A}/bulk", json=meant | {"dry_run": False}).json()["changed"] == 3
    assert api.paths(tag="x") == ["a.jpg", "b.jpg", "c.jpg"]


def test_a_bulk_change_means_all_that_meet_a_filter_but_some(api):
    ids = [api.add(f"{name}.jpg", rating=3) for name in "abcd"]
    selection = {"filter": {"min_rating": 3, "q": "jpg"}, "except": [ids[0]]}
    assert api.post(f"{A}/bulk", json={"action": "trash", "selection": selection}).json()["changed"] == 3
    assert api.paths() == ["a.jpg"]
    back = {"action": "restore", "selection": {"filter": {"trashed": True}}}
    assert api.post(f"{A}/bulk", json=back).json()["changed"] == 3
    # What the change itself moves out of the filter is changed all the same.
    rated = {"action": "rate", "rating": 1, "selection": {"filter": {"min_rating": 3}}}
    assert api.post(f"{A}/bulk", json=rated).json() == {"matched": 4, "changed": 4, "job_id": None, "dry_run": False}


def test_every_bulk_action_does_what_it_says(api):
    ids = [api.add(f"{name}.jpg") for name in "ab"]
    number = api.post("/api/v1/collections", json={"name": "c"}).json()["id"]

    def act(action, **more):
        answer = api.post(f"{A}/bulk", json={"action": action, "ids": ids, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()["changed"]

    assert (act("favorite", favorite=True), api.paths(favorite="true")) == (2, ["a.jpg", "b.jpg"])
    assert (act("favorite", favorite=True), act("rate", rating=5), act("rate", rating=None)) == (0, 2, 2)
    assert (act("tag", tags=["x", "y"]), act("untag", tags=["X"]), api.paths(tag="x")) == (2, 2, [])
    assert (act("collect", collection=number), act("collect", collection=number)) == (2, 0)
    assert (act("uncollect", collection=number), act("reprocess")) == (2, 0)
    assert (act("trash"), act("trash"), act("restore"), act("delete"), act("delete")) == (2, 0, 2, 2, 0)


@pytest.mark.parametrize(
    "body",
    [
        [], {}, {"action": "tag"}, {"action": "burn", "ids": [1]}, {"action": 3, "ids": [1]},
        {"action": "trash", "ids": ["1"]}, {"action": "trash", "ids": [0]}, {"action": "trash", "ids": [1] * 5001},
        {"action": "trash", "ids": [1], "selection": {"filter": {}}}, {"action": "trash", "selection": {}},
        {"action": "trash", "selection": {"filter": {"owner": 1}}}, {"action": "trash", "selection": {"filter": []}},
        {"action": "trash", "selection": {"filter": {"type": None}}}, {"action": "trash", "ids": [1], "dry_run": 1},
        {"action": "trash", "selection": {"filter": {"min_size": -1}}}, {"action": "trash", "ids": [1], "x": 1},
        {"action": "rate", "ids": [1], "rating": 9}, {"action": "tag", "ids": [1]},
        {"action": "trash", "selection": {"filter": {"tag": [1]}}},
    ],
)  # fmt: skip
def test_a_bad_bulk_change_is_a_400(shared_api, body):
    assert shared_api.post(f"{A}/bulk", json=body).status_code == 400


def test_a_bulk_change_of_a_collection_that_is_not_there_is_a_404(api):
    assert api.post(f"{A}/bulk", json={"action": "collect", "ids": [1], "collection": 9}).status_code == 404


def test_an_export_is_taken_in_by_another_library_over_the_same_files(api, tmp_path):
    api.add("a.jpg", title="One", tags=["x", "y"], rating=4, favorite=True)
    api.add("sub/b.jpg", title="Two")
    number = api.post("/api/v1/collections", json={"name": "Best"}).json()["id"]
    api.post(f"/api/v1/collections/{number}/assets", json={"add": [1]})
    exported = api.get(f"{A}/export")
    assert exported.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line)["file_path"] for line in exported.text.splitlines()] == ["a.jpg", "sub/b.jpg"]
    assert len(api.get(f"{A}/export?tag=x").text.splitlines()) == 1
    other = tmp_path / "other"
    other.mkdir()
    (other / "media").symlink_to(api.media)
    with library_client(other) as fresh:
        lines = exported.text + '\n{"file_path": "gone.jpg"}\n{"file_path": "../x.jpg"}\nnonsense\n[]\n'
        done = fresh.post(
            f"{A}/import", content=lines.encode(), headers={"Content-Type": "application/x-ndjson"}
        ).json()
        assert (done["lines"], done["created"], done["updated"], done["failed"]) == (6, 2, 0, 4)
        assert [error["line"] for error in done["errors"]] == [4, 5, 6, 7]
        one = fresh.items()[0]
        assert (one["title"], one["tags"], one["rating"], one["favorite"]) == ("One", ["x", "y"], 4, True)
        assert fresh.paths(collection=1) == ["a.jpg"]
        again = fresh.post(
            f"{A}/import", content=exported.content, headers={"Content-Type": "application/x-ndjson"}
        ).json()
        assert (again["created"], again["updated"], again["failed"]) == (0, 2, 0)


def imported(api, lines):
    return api.post(f"{A}/import", content=lines, headers={"Content-Type": "application/x-ndjson"}).json()


def test_an_import_changes_assets_whose_file_is_away_or_damaged(api):
    api.add("away.jpg")
    api.add("damaged.jpg")
    (api.media / "away.jpg").unlink()
    (api.media / "damaged.jpg").write_bytes(b"no picture")
    rows = [{"file_path": f"{name}.jpg", "tags": ["kept"]} for name in ("away", "damaged", "unknown")]
    done = imported(api, "\n".join(map(json.dumps, rows)).encode())
    assert (done["created"], done["updated"], done["errors"]) == (
        0, 2, [{"line": 3, "error": "there is no such file in the media folder"}],
    )  # fmt: skip
    assert sorted(api.paths(tag="kept")) == ["away.jpg", "damaged.jpg"]


def test_an_export_of_the_trash_comes_into_the_trash_again_with_all_that_was_written(api, tmp_path):
    number = api.add("a.jpg", title="One", tags=["x"], rating=2)
    api.add("b.jpg")
    api.delete(f"{A}/{number}")
    trash = api.get(f"{A}/export?trashed=true").content
    other = tmp_path / "other"
    other.mkdir()
    (other / "media").symlink_to(api.media)
    with library_client(other) as fresh:
        for outcome in ("created", "updated"):
            assert imported(fresh, trash)[outcome] == 1
            assert (fresh.items(), fresh.paths(trashed="true")) == ([], ["a.jpg"])
        fresh.post(f"{A}/1/restore")
        one = fresh.items()[0]
        assert (one["title"], one["tags"], one["rating"]) == ("One", ["x"], 2)


def test_a_file_of_the_trash_that_is_added_again_keeps_its_title_unless_another_is_given(api):
    number = api.add("a.jpg", title="Mine", rating=3)
    for given, title in (({}, "Mine"), ({"title": "New"}, "New")):
        api.delete(f"{A}/{number}")
        again = api.post(A, json={"file_path": "a.jpg", **given})
        assert (again.status_code, again.json()["id"]) == (201, number)
        assert (again.json()["title"], again.json()["rating"]) == (title, 3)


def test_tags_that_differ_in_the_case_of_a_letter_beyond_ascii_replace_each_other(api):
    number = api.add("a.jpg", tags=["ü", "a"])
    assert api.patch(f"{A}/{number}", json={"tags": ["Ü", "A"]}).json()["tags"] == ["a", "Ü"]


def test_an_import_of_something_else_is_a_400(api):
    assert api.post(f"{A}/import", json={"file_path": "a.jpg"}).status_code == 400
    long = b'{"file_path": "' + b"x" * 70_000 + b'"}\n'
    assert api.post(f"{A}/import", content=long, headers={"Content-Type": "application/x-ndjson"}).status_code == 400


def test_duplicates_are_certain_when_all_bytes_were_read(api):
    ids = [api.add(f"{name}.jpg", JPEG + b"same") for name in "abc"]
    with api.application.database.write() as connection:
        connection.execute("UPDATE media_assets SET quick_hash = 'q'")
    [group] = api.get(f"{A}/duplicates").json()["groups"]
    assert (group["is_certain"], [asset["id"] for asset in group["assets"]]) == (False, ids)
    with api.application.database.write() as connection:
        connection.execute("UPDATE media_assets SET content_hash = CASE WHEN id = 3 THEN 'other' ELSE 'same' END")
    [group] = api.get(f"{A}/duplicates").json()["groups"]
    assert (group["hash"], group["is_certain"], len(group["assets"])) == ("same", True, 2)
    body = api.get(f"{A}/duplicates?limit=1").json()
    assert api.get(f"{A}/duplicates?limit=1&after={body['next_after']}").json()["groups"] == []


def test_statistics_count_what_there_is(api):
    api.add("a.jpg", JPEG, tags=["x"])
    api.add("b.jpg", JPEG)
    api.delete(f"{A}/2")
    body = api.get("/api/v1/stats").json()
    assert (body["assets"], body["bytes"], body["trashed"], body["tags"]) == (1, len(JPEG), 1, 1)
    assert (body["types"], body["statuses"]) == ({"video": 0, "image": 1}, {"queued": 1})
