"""The role that each method needs: every method of every service stands here.

A method that is missing needs ADMIN, so forgetting one locks it; a test walks all of them.
"""

from __future__ import annotations

from engine.schema import InputKind
from server.access.caller import Power, Role

CATALOG = "/repriced.v1.CatalogService/"
PRICING = "/repriced.v1.PricingService/"
INGESTION = "/repriced.v1.IngestionService/"
CLAIMS = "/repriced.v1.ClaimsService/"
EVENTS = "/repriced.v1.EventService/"
INSIGHTS = "/repriced.v1.InsightsService/"

ROLES: dict[str, Role] = {
    CATALOG + "BatchUpsertSellers": Role.OPERATE,
    CATALOG + "BatchUpsertStrategies": Role.OPERATE,
    CATALOG + "BatchUpsertFeeSchedules": Role.OPERATE,
    CATALOG + "ReportFeePreviews": Role.INGEST,
    CATALOG + "BatchUpsertExchangeRates": Role.OPERATE,
    CATALOG + "ListExchangeRates": Role.READ,
    CATALOG + "BatchUpsertListings": Role.OPERATE,
    CATALOG + "BatchDeleteListings": Role.OPERATE,
    CATALOG + "EraseSeller": Role.ADMIN,
    CATALOG + "ExportSeller": Role.READ,
    CATALOG + "ListSellers": Role.READ,
    CATALOG + "ListStrategies": Role.READ,
    CATALOG + "ListFeeSchedules": Role.READ,
    CATALOG + "GetListing": Role.READ,
    CATALOG + "ListListings": Role.READ,
    PRICING + "Reprice": Role.INGEST,
    PRICING + "StreamReprice": Role.INGEST,
    PRICING + "ReportFeedback": Role.INGEST,
    PRICING + "ReportStock": Role.INGEST,
    PRICING + "ReportSales": Role.INGEST,
    PRICING + "PauseRepricing": Role.OPERATE,
    PRICING + "ResumeRepricing": Role.OPERATE,
    PRICING + "StopRepricing": Role.OPERATE,
    PRICING + "RestartRepricing": Role.OPERATE,
    PRICING + "ReleaseHeld": Role.OPERATE,
    PRICING + "DiscardHeld": Role.OPERATE,
    PRICING + "RestorePrices": Role.OPERATE,
    PRICING + "ListHeld": Role.READ,
    PRICING + "ExplainPrice": Role.READ,
    PRICING + "EvaluatePrice": Role.READ,
    PRICING + "WatchDecisions": Role.READ,
    INGESTION + "IngestNotifications": Role.INGEST,
    CLAIMS + "ImportReports": Role.INGEST,
    CLAIMS + "RunAudit": Role.OPERATE,
    CLAIMS + "ListClaims": Role.READ,
    CLAIMS + "GetClaim": Role.READ,
    CLAIMS + "UpdateClaim": Role.OPERATE,
    CLAIMS + "AttachDocument": Role.OPERATE,
    CLAIMS + "ExportClaims": Role.READ,
    EVENTS + "WatchEvents": Role.READ,
    INSIGHTS + "RecommendStrategy": Role.READ,
    INSIGHTS + "ReviewTrial": Role.OPERATE,
    INSIGHTS + "QueryProfitability": Role.READ,
    "/grpc.health.v1.Health/Watch": Role.READ,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Role.READ,
}

OPEN = frozenset({"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/List"})
"""Methods that need no caller: what watches a process rarely has a token."""

POWERS: dict[InputKind, Power] = {
    InputKind.SELLERS: Power.DEFINE,
    InputKind.STRATEGIES: Power.DEFINE,
    InputKind.FEE_SCHEDULES: Power.DEFINE,
    InputKind.EXCHANGE_RATES: Power.DEFINE,
    InputKind.LISTINGS: Power.DEFINE,
    InputKind.DELETE: Power.DEFINE,
    InputKind.PAUSE: Power.PAUSE,
    InputKind.RESUME: Power.PAUSE,
    InputKind.STOP: Power.PAUSE,
    InputKind.RESTART: Power.PAUSE,
    InputKind.RELEASE: Power.RELEASE,
    InputKind.DISCARD: Power.RELEASE,
    InputKind.RESTORE: Power.RESTORE,
}
"""Kinds of input in which a caller can be limited."""


def role_of(method: str) -> Role:
    """The role that a method needs, by its path."""
    return ROLES.get(method, Role.ADMIN)
