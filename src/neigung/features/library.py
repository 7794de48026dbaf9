"""All features, in a fixed order, and those of the user's own file."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from neigung.errors import FeatureError
from neigung.features import (
    assortment,
    contacts,
    customers,
    discounts,
    habits,
    loyalty,
    offers,
    orders,
    returns,
    rhythm,
    second_hop,
    service_cases,
    trend,
    visits,
)
from neigung.features.feature import Feature

_MODULES = (
    orders,
    rhythm,
    trend,
    habits,
    assortment,
    discounts,
    returns,
    visits,
    contacts,
    offers,
    service_cases,
    loyalty,
    second_hop,
)


def library(store: Any = None) -> tuple[Feature, ...]:
    """All features that Neigung brings, with one for each of the store's own attributes.

    Parameters
    ----------
    store : a Past or Profiles, from whose `customers` table the attribute features are made;
        without one they are absent.

    >>> [one.name for one in library()][:2]
    ['days_since_last_order', 'days_since_first_order']
    """
    fixed = tuple(one for module in _MODULES for one in module.FEATURES)
    if store is None or "customers" not in store.tables:
        return fixed
    return (*fixed, *customers.attribute_features(store.tables["customers"]))


def load_user_features(path: str | Path) -> tuple[Feature, ...]:
    """The features that a user's own Python file defines, in the order of the file.

    The file is run. Raises FeatureError when it is not there, when it fails, when it defines no
    feature, and when a feature or column is called like one of the library.
    """
    path = Path(path)
    if not path.is_file():
        raise FeatureError(
            f"my_features names {path}, but there is no such file. Mend the path in the study."
        )
    spec = importlib.util.spec_from_file_location(f"neigung_my_features_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise FeatureError(f"my_features names {path}, which is no Python file (.py).")
    module = importlib.util.module_from_spec(spec)
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # leave nothing behind in the user's folder
    try:
        spec.loader.exec_module(module)
    except FeatureError:
        raise
    except (Exception, SystemExit) as error:
        raise FeatureError(
            f"{path} fails when it is run: {type(error).__name__}: {error}. Mend the file."
        ) from error
    finally:
        sys.dont_write_bytecode = before
    own = tuple(one for one in vars(module).values() if isinstance(one, Feature))
    brought = library()
    known = {one.name for one in brought} | {c.name for one in brought for c in one.columns}
    # What the file imports from the library, to build on it, is not its own.
    own = tuple(one for one in dict.fromkeys(own) if one not in brought)
    if not own:
        raise FeatureError(
            f"{path} defines no feature. Decorate a function with @feature, as "
            "neigung/features/orders.py does."
        )
    clashes = [c.name for one in own for c in one.columns if c.name in known]
    clashes += [one.name for one in own if one.name in known]
    if clashes:
        raise FeatureError(
            f"{path} defines {', '.join(dict.fromkeys(clashes))}, which the library has already. "
            "Choose another name."
        )
    return own
