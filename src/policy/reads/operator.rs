//! What operators do with their operands. Cedar's enums can grow: an operator that is not named here may
//! look further into what it is given, as `in` and `getTag` do.

use cedar_policy::pst::{BinaryOp, UnaryOp};

/// Whether it compares two values.
pub(super) fn compares(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::Less
            | BinaryOp::LessEq
            | BinaryOp::Greater
            | BinaryOp::GreaterEq
            | BinaryOp::Eq
            | BinaryOp::NotEq
    )
}

/// Whether its result is settled by the two values, of which neither is looked into.
pub(super) fn joins(op: BinaryOp) -> bool {
    compares(op)
        || matches!(
            op,
            BinaryOp::Add
                | BinaryOp::Sub
                | BinaryOp::Mul
                | BinaryOp::IsInRange
                | BinaryOp::Offset
                | BinaryOp::DurationSince
                | BinaryOp::DecimalLessThan
                | BinaryOp::DecimalLessEq
                | BinaryOp::DecimalGreater
                | BinaryOp::DecimalGreaterEq
        )
}

/// The same of one value.
pub(super) fn converts(op: UnaryOp) -> bool {
    matches!(
        op,
        UnaryOp::Neg
            | UnaryOp::IsEmpty
            | UnaryOp::Datetime
            | UnaryOp::Decimal
            | UnaryOp::Duration
            | UnaryOp::Ip
            | UnaryOp::IsIPv4
            | UnaryOp::IsIPV6
            | UnaryOp::IsLoopback
            | UnaryOp::IsMulticast
            | UnaryOp::ToDate
            | UnaryOp::ToTime
            | UnaryOp::ToMilliseconds
            | UnaryOp::ToSeconds
            | UnaryOp::ToMinutes
            | UnaryOp::ToHours
            | UnaryOp::ToDays
    )
}
