"""What the agent needs of its identity is what enrolment provides."""

from dataclasses import fields

from agent.enrolment import DeviceIdentity
from agent.keys import EnrolledDevice


def test_an_enrolled_identity_has_all_of_it() -> None:
    wanted = {name for kind in EnrolledDevice.__mro__ for name, value in vars(kind).items() if isinstance(value, property)}
    assert len(wanted) >= 15
    assert wanted <= {field.name for field in fields(DeviceIdentity)}
