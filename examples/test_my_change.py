"""Does the change hold where the kernel does?"""

import pytest
from my_change import MY_CHANGE

import mmspec

seed = mmspec.scenario("seed")
kernel = seed.kernel("v4.14 fixed")


@pytest.mark.mmspec(seed, kernel=kernel, cases=["small/bind/write"])
def test_the_kernel_holds(mmspec_check):
    mmspec_check()


def test_it_holds_with_my_change(mmspec_check):
    mmspec_check(seed, kernel.with_(MY_CHANGE))


@pytest.mark.parametrize("case", ["huge/bind/zap", "small/bind/zap"])
def test_it_holds_while_nobody_reads(mmspec_check, case):
    mmspec_check(seed, kernel.with_(MY_CHANGE), cases=[case])
