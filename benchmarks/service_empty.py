"""A BentoML endpoint that does nothing: what any answer over HTTP costs."""

import bentoml


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Empty:
    @bentoml.api(route="/v1/predict")  # type: ignore[untyped-decorator]
    def predict(self, customers: list[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
        """The customers, as they came."""
        return {"customers": customers}
