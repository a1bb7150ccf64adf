import pytest

from errors import BadInput
from recipe_file import read_steps


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("process: x", "'process' must be a list"),
        ("{}", "'process' must be a list"),
        ("process: [{x_mapper: [1, 2]}]", "'process' must be a list"),
        ("process: [", r"r\.yaml: not valid YAML"),
        ("process: [{x_mapper: &a {b: *a}}]", r"r\.yaml: .*an anchor \(&\) that holds itself"),
        ("skip_op_error: true\nprocess: []", "skip_op_error is set by ON_BAD_RECORD; remove it"),
        ("process: [{x_mapper: {a: 1, b: 2}}, {x_mapper: {a: 1}}]", "x_mapper stands twice.*give both"),
    ],
)
def test_a_recipe_that_would_go_wrong_is_refused(tmp_path, text, message):
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(BadInput, match=message):
        read_steps(tmp_path / "r.yaml")


def test_an_operator_without_arguments_has_none(tmp_path):
    (tmp_path / "r.yaml").write_text("project_name: r\nprocess: [{x_mapper: }, {y_filter: {a: 1}}]")
    config, steps = read_steps(tmp_path / "r.yaml")
    assert config["project_name"] == "r" and steps == [{"x_mapper": {}}, {"y_filter": {"a": 1}}]
