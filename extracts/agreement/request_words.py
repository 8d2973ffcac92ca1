"""The closed lists of words that a request chooses from. That a word exists does not mean that it is accepted."""

from __future__ import annotations

from enum import StrEnum


class DataType(StrEnum):
    """What UK GDPR and the Data Protection Act 2018 distinguish."""

    PERSONAL = "personal"
    SPECIAL_CATEGORY = "special category"
    CRIMINAL_OFFENCE = "criminal offence"
    NONE = "none"


class ControllerRole(StrEnum):
    """How a body is responsible once it holds the data."""

    INDEPENDENT = "independent"
    JOINT = "joint"
    PROCESSOR = "processor"


class PublicBenefit(StrEnum):
    """The benefits that the UK government's Data Marketplace lets a requester choose from."""

    DECISION_MAKING = "decision-making"
    SERVICE_DELIVERY = "service-delivery"
    BENEFIT_PEOPLE = "benefit-people"
    FUNDING = "allocate-and-evaluate-funding"
    TRENDS = "social-economic-trends"
    NEEDS = "needs-of-the-public"
    STATISTICS = "statistical-information"
    RESEARCH = "existing-research-or-statistics"
    SOMETHING_ELSE = "something-else"


class Article6(StrEnum):
    """Lawful bases of UK GDPR, article 6(1)."""

    CONSENT = "6(1)(a)"
    CONTRACT = "6(1)(b)"
    LEGAL_OBLIGATION = "6(1)(c)"
    VITAL_INTERESTS = "6(1)(d)"
    PUBLIC_TASK = "6(1)(e)"
    RECOGNISED_LEGITIMATE_INTEREST = "6(1)(ea)"
    LEGITIMATE_INTERESTS = "6(1)(f)"


class Article9(StrEnum):
    """Conditions of UK GDPR, article 9(2), for special category data."""

    EXPLICIT_CONSENT = "9(2)(a)"
    SOCIAL_SECURITY_LAW = "9(2)(b)"
    VITAL_INTERESTS = "9(2)(c)"
    LEGAL_CLAIMS = "9(2)(f)"
    SUBSTANTIAL_PUBLIC_INTEREST = "9(2)(g)"
    HEALTH_OR_SOCIAL_CARE = "9(2)(h)"
    PUBLIC_HEALTH = "9(2)(i)"
    ARCHIVING_RESEARCH_STATISTICS = "9(2)(j)"


class DpiaStatus(StrEnum):
    """How far the data protection impact assessment is."""

    COMPLETED = "completed"
    IN_PROGRESS = "in progress"
    NOT_NEEDED = "not needed"


class ReviewOutcome(StrEnum):
    """What a specialist recommends. They advise; Board and Controller decide."""

    SUPPORTS = "supports"
    SUPPORTS_WITH_CONDITIONS = "supports with conditions"
    OBJECTS = "objects"


class TransferMethod(StrEnum):
    """How the files reach the recipient."""

    DROP_ZONE = "drop zone"


class FileFormat(StrEnum):
    """The files' format."""

    PARQUET = "parquet"
