/// The SQL by which a copy is compared with its source, row by row, by a hash. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connector/changes.h"

namespace weir::sync {

/// One round of a comparison. Two temporary tables of the session serve all rounds:
///   weir_found (kind, pk, keys, in_source, in_copy): one row for all equal keys, with pk NULL, and one for every other
///   weir_again (pk, kind): what a round has not found equal, for the next one
struct Comparison {
  std::string_view connector;
  const connector::ChangeTable& table;
  std::string_view point;        ///< SnapshotPoint::name
  connector::Position position;  ///< of the point
  bool again = false;            ///< only the keys in weir_again
  bool hot = true;               ///< false: the copy has no hot rows
};

/// What a key was found to be: "equal", "missing" (the copy has it not), "extra" (the source has it not, or the copy
/// has it more than once), "different", or "changing": the copy has a later change of it than the point.
inline constexpr std::string_view kEqual = "equal", kChanging = "changing";

/// Statements whose rows nobody needs: inside a transaction they make its snapshots of the lake and the hot database.
std::vector<std::string> take_snapshots_sql(const Comparison& comparison);
/// Makes weir_found. It is one aggregation by key over both sides, so a key that is twice on one side is found, memory
/// is bounded (it spills), and the source is read once. `keys`: condition on the source's columns, or empty.
std::string find_sql(const Comparison& comparison, const std::string& keys);
/// (kind, keys, rows of the source, rows of the copy), from weir_found.
std::string totals_sql();
/// How many keys the next round may find to be something else: those that were changing, and differences that the round
/// before has not found too.
std::string open_sql();
/// Makes weir_again from weir_found.
std::string again_sql();
/// (pk, kind) of the first differences.
std::string examples_sql(size_t limit);
/// (pk, the row as a JSON object of texts) on either side, of the given keys.
std::string source_rows_sql(const Comparison& comparison, const std::vector<std::string>& pks, const std::string& keys);
std::string copy_rows_sql(const Comparison& comparison, const std::vector<std::string>& pks);

/// The key columns' texts of a `_kyma_pk`: what key_text has escaped and joined.
std::vector<std::string> key_parts(std::string_view pk, size_t columns);
/// A condition that the source can evaluate, true for all rows whose key is one of `pks`; empty when the first key
/// column's type does not allow one.
std::string key_condition(const connector::ChangeTable& table, const std::vector<std::string>& pks);

}  // namespace weir::sync
