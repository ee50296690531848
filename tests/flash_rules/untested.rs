//! Rules without a test, and why.

/// Rule and reason.
pub const WITHOUT_TEST: &[(&str, &str)] = &[
    ("F29", "the controller does not see the clocks; what happens without HSI is unknown"),
    ("F46", "supply voltage is not modelled"),
    ("F47", "the chip resolves the alias at 0 before the controller is asked"),
    ("F55", "Standby is the chip's; it calls power_on or not"),
    ("F64", "ST's boot loader is not modelled"),
    ("F72", "published attacks; the model has no such weakness"),
    ("F80", "nothing is known"),
    ("G8", "stale cache lines are not modelled; the chip drops translated code on every change"),
    ("G22", "a remark on ST's driver; the rule behind it is G25"),
    ("G29", "the controller does not see the clocks"),
    ("G54", "queued erroneous writes by DMA are not modelled: each write ends before the next"),
    ("G65", "the read buffer is not modelled: every read of a bad word flags"),
    ("G70", "sources differ on the polarity of IRHEN, and nothing here depends on it"),
    ("G96", "an unanswered report on a G070 with another silicon revision"),
    ("G103", "errata known by title; the one that concerns these parts is G45"),
];
