"""Words that all datasets of a mix share: channels, categories, attributes, levels of visibility, surfaces; by name."""

from __future__ import annotations

from collections.abc import Sequence

from av_synth.errors import DataError
from av_synth.mix.ingredients import Ingredient, Row

_NAME_OF = {"sensor": "channel", "category": "name", "attribute": "name", "visibility": "level"}
_INDEXED = ("lidarseg", "panoptic")


class Vocabulary:
    """The rows of these tables in a mix, and what the token of each dataset's row is there.

    The first dataset that has a word gives it its token. Bytes of lidar segmentation mean categories by their index, so
    datasets that have such labels must agree on it.
    """

    def __init__(self, ingredients: Sequence[Ingredient]) -> None:
        """Join the words of some datasets.

        Raises:
            DataError: if two mean different things by one name or number.
        """
        self.rows: dict[str, list[Row]] = {}
        self._tokens: dict[tuple[str, str], dict[str, str]] = {}
        for table, key in _NAME_OF.items():
            self.rows[table] = self._join(ingredients, table, key)
        _index(ingredients, self.rows["category"])
        for ingredient in ingredients:
            _agree(ingredient, "sensor", "channel", "modality", self.rows["sensor"])
        self.rows["semantic_class"] = self._surfaces(ingredients)

    def token(self, ingredient: Ingredient, table: str, token: str) -> str:
        """The token in the mix of what has this one in a dataset; '' stays ''.

        Raises:
            DataError: if the dataset has no such row.
        """
        if not token:
            return token
        try:
            return self._tokens[ingredient.name, table][token]
        except KeyError as error:
            message = f"{ingredient.tables / table}.json: has no token {token!r}, which a row names"
            raise DataError(f"{message}; av-synth verify says more") from error

    def _join(self, ingredients: Sequence[Ingredient], table: str, key: str) -> list[Row]:
        found: dict[str, Row] = {}
        taken: set[str] = set()
        for ingredient in ingredients:
            tokens = self._tokens[ingredient.name, table] = {}
            for row in ingredient.rows(table):
                if row[key] not in found:
                    token = row["token"] if row["token"] not in taken else f"{ingredient.name}-{row['token']}"
                    taken.add(token)
                    found[row[key]] = {**row, "token": token}
                tokens[row["token"]] = found[row[key]]["token"]
        return list(found.values())

    def _surfaces(self, ingredients: Sequence[Ingredient]) -> list[Row]:
        """Classes of semantic images: their bytes are indices, so names must agree."""
        found: dict[int, Row] = {}
        for ingredient in ingredients:
            for row in ingredient.rows("semantic_class"):
                own = {**row, "category_token": self.token(ingredient, "category", row["category_token"])}
                other = found.setdefault(row["index"], own)
                if other["name"] != row["name"]:
                    told = f"class {row['index']} of semantic images is {other['name']}, in {ingredient.name} "
                    raise DataError(f"{told}{row['name']}; their images cannot be in one dataset")
        return list(found.values())


def _agree(ingredient: Ingredient, table: str, key: str, value: str, joined: Sequence[Row]) -> None:
    wanted = {row[key]: row[value] for row in joined}
    for row in ingredient.rows(table):
        if row[value] != wanted[row[key]]:
            told = f"{row[key]} is a {row[value]}, in another dataset of the mix a {wanted[row[key]]}"
            raise DataError(f"{ingredient.name}: {told}; they cannot be in one dataset")


def _index(ingredients: Sequence[Ingredient], categories: list[Row]) -> None:
    """Give each category the index by which labels of points mean it, and put them in this order."""
    known: dict[str, int] = {}
    names: dict[int, str] = {}
    for ingredient in sorted(
        ingredients, key=lambda one: not _is_indexed(one)
    ):  # those whose labels depend on it first
        for row in ingredient.rows("category"):
            if "index" not in row:
                continue
            name, index = row["name"], row["index"]
            if _is_indexed(ingredient) and (known.get(name, index) != index or names.get(index, name) != name):
                told = f"{name} has the index {index}, in another dataset {known.get(name, names.get(index))}"
                raise DataError(f"{ingredient.name}: {told}; their labels of lidar points cannot be in one dataset")
            if name not in known and index not in names:
                known[name], names[index] = index, name
    if not known:
        return
    for row in categories:
        if row["name"] not in known:
            known[row["name"]] = max(known.values()) + 1
        row["index"] = known[row["name"]]
    categories.sort(key=lambda row: int(row["index"]))


def _is_indexed(ingredient: Ingredient) -> bool:
    return any(map(ingredient.has, _INDEXED))
