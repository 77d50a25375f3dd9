/// The committing thread: changes are applied to the hot tables; then rows and position become durable.
#include <algorithm>

#include <fmt/format.h>

#include "sync/copy_landing.h"

namespace weir::sync {
namespace {

using lake::SqlSession;

/// The keys under which a row was known before, newest first: none.
constexpr std::string_view kNoPath = "[]::STRUCT(lsn VARCHAR, pk VARCHAR)[]";

bool any_valid(const ArrowArray& array) {
  if (array.length == 0) return false;
  if (array.null_count >= 0) return array.null_count < array.length;
  const auto* bits = static_cast<const uint8_t*>(array.buffers[0]);
  if (bits == nullptr) return true;
  for (int64_t row = array.offset; row < array.offset + array.length; ++row) {
    if ((bits[row / 8] >> (row % 8) & 1) != 0) return true;
  }
  return false;
}

bool all_inserts(const connector::RowChanges& changes) {
  const auto& ops = *changes.rows.get()->children[changes.table->columns.size()];
  const auto* ends = static_cast<const int32_t*>(ops.buffers[1]) + ops.offset;
  const auto* bytes = static_cast<const char*>(ops.buffers[2]);
  for (int64_t row = 0; row < ops.length; ++row) {
    if (std::string_view(bytes + ends[row], static_cast<size_t>(ends[row + 1] - ends[row])) != "insert") return false;
  }
  return true;
}

/// Positions of a change in RowChanges::rows.
struct ExtraColumns {
  const ArrowArray &unchanged, &moved_from;
};
ExtraColumns extra_columns(const ArrowArray& rows) {
  return {*rows.children[rows.n_children - 2], *rows.children[rows.n_children - 1]};
}

/// Commits that a snapshot does not contain: `_kyma_lsn` is less than the positions that contain it.
std::string after(const connector::Position& snapshot) {
  return snapshot.empty() ? std::string() : " AND b._kyma_lsn > " + literal(snapshot);
}

std::string column_list(const std::vector<plan::Column>& columns) {
  std::string list;
  for (const auto& column : columns) list += identifier(column.name) + ", ";
  return list;
}

/// The rows of a batch with columns that the source did not send: pk, the key `source` that the row had before the
/// batch, and the `path` of keys between the two, newest first.
std::string needed_rows(const connector::RowChanges& changes, const std::string& batch, const std::string& condition,
                        const connector::Position& snapshot) {
  const auto pk = key_text(*changes.table, "b.");
  const bool moves = any_valid(extra_columns(*changes.rows.get()).moved_from);
  const auto first = fmt::format(
      "SELECT {0} AS pk, {0} AS source, b._kyma_lsn AS lsn, {1} AS path, 0 AS depth FROM {2} b "
      "WHERE {3} AND b._unchanged IS NOT NULL",
      pk, kNoPath, batch, condition);
  std::string need = fmt::format("SELECT pk, source, path FROM ({})", first);
  if (moves) {
    // A row may have changed its key more than once in the batch: back to the first of them.
    need = fmt::format(
        "WITH RECURSIVE moves AS (SELECT {0} AS pk, b._kyma_lsn AS lsn, {1} AS moved FROM {2} b "
        "WHERE b._moved_from IS NOT NULL{3}), "
        "steps AS ({4} UNION ALL SELECT s.pk, m.moved, m.lsn, list_append(s.path, {{'lsn': m.lsn, 'pk': m.moved}}), "
        "s.depth + 1 "
        "FROM steps s JOIN moves m ON m.pk = s.source AND (m.lsn < s.lsn OR (s.depth = 0 AND m.lsn = s.lsn)) "
        "QUALIFY row_number() OVER (PARTITION BY s.pk ORDER BY m.lsn DESC) = 1) "
        "SELECT pk, arg_max(source, depth) AS source, arg_max(path, depth) AS path FROM steps GROUP BY pk",
        pk, key_text(*changes.table, "b._moved_from."), batch, after(snapshot), first);
  }
  return need;
}

}  // namespace

Status CopyLanding::begin() {
  if (open_) return fail(ErrorCode::internal, "a transaction of the landing was begun twice: " + records_.connector());
  if (undo_is_due_) {
    const auto session = WEIR_TRY(this->session());
    WEIR_TRY(undo_intents(*session));
    undo_is_due_ = false;
  }
  gate_.enter();
  open_ = true;
  writing_.emplace(committer_);
  auto begun = session_->run("BEGIN");
  if (begun) return {};
  forget_transaction();
  return fail(classified(std::move(begun.error())));
}

Status CopyLanding::apply(const connector::Change& change) {
  if (!open_) return fail(ErrorCode::internal, "a change was given to the landing outside a transaction");
  auto done = std::visit(
      [this](const auto& what) -> Status {
        using What = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<What, connector::RowChanges>) return apply_rows(what);
        if constexpr (std::is_same_v<What, connector::Truncation>) return apply_truncation(what);
        if constexpr (std::is_same_v<What, connector::SchemaChange>) return apply_shape(what);
        return {};
      },
      change);
  if (!done) return fail(classified(std::move(done.error())));
  return {};
}

/// Nothing when the table is not copied.
Result<CopyChange*> CopyLanding::changed(const plan::TableName& table) {
  const auto found = changes_.find(table);
  if (found != changes_.end()) return &found->second;
  const auto copy = copy_of(table);
  if (!copy || copy->lost) return nullptr;
  WEIR_TRY(before_changes(*copy));
  CopyChange change{.shape = copy->shape,
                    .version = copy->version,
                    .truncated = copy->truncated,
                    .hot_rows = copy->hot_rows,
                    .lake_names = {},
                    .lake_steps = {}};
  for (const auto& column : change.shape.stored()) change.lake_names[column.name] = column.name;
  return &changes_.emplace(table, std::move(change)).first->second;
}

Status CopyLanding::apply_rows(const connector::RowChanges& changes) {
  auto* copy = WEIR_TRY(changed(changes.table->name));
  if (copy == nullptr || changes.count == 0) return {};
  const auto before = WEIR_TRY(copy_of(changes.table->name));
  if (!(changes.table->columns == copy->shape.table->columns) || changes.table->key != copy->shape.table->key) {
    return fail(ErrorCode::schema_drift,
                "changes came in another shape than their copy has: table " + changes.table->name.to_string(),
                "resync the table");
  }
  const auto batch = "weir_batch_" + std::to_string(views_.emplace(changes.table->name, views_.size()).first->second);
  WEIR_TRY(session_->show(batch, connector::row_changes_schema(*changes.table), changes.rows));
  const auto hot = hot_of(changes.table->name);
  const auto pk = key_text(*changes.table, "b.");
  const auto condition = "b._last" + after(before.snapshot);
  const auto extra = extra_columns(*changes.rows.get());
  copy->rows_changed = true;
  copy->only_inserts = copy->only_inserts && all_inserts(changes);
  if (any_valid(extra.unchanged)) return insert_resolved(changes, *copy, before, batch, condition);
  at("rows_delete");
  if (copy->hot_rows > 0) {
    copy->hot_rows -= WEIR_TRY(session_->change(
        fmt::format("DELETE FROM {} WHERE _kyma_pk IN (SELECT {} FROM {} b WHERE {})", hot, pk, batch, condition)));
  }
  at("rows_insert");
  std::string values;
  for (const auto& column : changes.table->columns)
    values += to_stored("b." + identifier(column.name), column.type) + ", ";
  copy->hot_rows += WEIR_TRY(session_->change(fmt::format(
      "INSERT INTO {} ({}_kyma_pk, _kyma_op, _kyma_lsn, _kyma_event_at) SELECT {}{}, b._kyma_op, b._kyma_lsn, "
      "b._kyma_event_at FROM {} b WHERE {}",
      hot, column_list(changes.table->columns), values, pk, batch, condition)));
  return {};
}

/// As `apply_rows`, for a batch with columns that the source did not send: their values are those of the row before,
/// which is looked up under the key that it had before this batch, in the hot table and then in the lake.
Status CopyLanding::insert_resolved(const connector::RowChanges& changes, CopyChange& copy, const Copy& before,
                                    const std::string& batch, const std::string& condition) {
  const auto hot = hot_of(changes.table->name);
  const auto pk = key_text(*changes.table, "b.");
  WEIR_TRY(session_->run("CREATE OR REPLACE TEMP TABLE weir_need AS " +
                         needed_rows(changes, batch, condition, before.snapshot)));
  WEIR_TRY(session_->run(fmt::format(
      "CREATE OR REPLACE TEMP TABLE weir_old AS SELECT * FROM {} WHERE _kyma_op <> 'delete' AND _kyma_pk IN "
      "(SELECT source FROM weir_need)",
      hot)));
  const auto unchanged = WEIR_TRY(session_->rows(fmt::format(
      "SELECT DISTINCT unnest(b._unchanged) FROM {} b WHERE {} AND b._unchanged IS NOT NULL", batch, condition)));
  std::set<std::string> names;
  for (const auto& row : unchanged) names.insert(row[0]);
  std::string older = "SELECT _kyma_pk";
  for (const auto& name : names) {
    const auto stored = copy.lake_names.find(name);
    older += stored == copy.lake_names.end() ? fmt::format(", NULL AS {}", identifier(name))
                                             : fmt::format(", {} AS {}", identifier(stored->second), identifier(name));
  }
  // While the table is loading, the lake has nothing yet.
  older += " FROM " + lake_rows(records_.connector(), *changes.table, copy.lake_names) + " WHERE ";
  older += before.phase == CopyPhase::loading
               ? "false"
               : "_kyma_op <> 'delete' AND " +
                     has_key(*changes.table,
                             "SELECT source FROM weir_need WHERE source NOT IN (SELECT _kyma_pk FROM weir_old)",
                             copy.lake_names);
  WEIR_TRY(session_->run("CREATE OR REPLACE TEMP TABLE weir_older AS " + older));
  at("rows_delete");
  copy.hot_rows -= WEIR_TRY(session_->change(
      fmt::format("DELETE FROM {} WHERE _kyma_pk IN (SELECT {} FROM {} b WHERE {})", hot, pk, batch, condition)));
  at("rows_insert");
  std::string values;
  for (const auto& column : changes.table->columns) {
    const auto name = identifier(column.name);
    const auto value = to_stored("b." + name, column.type);
    values +=
        names.contains(column.name)
            ? fmt::format(
                  "CASE WHEN list_contains(b._unchanged, {0}) THEN CASE WHEN o._kyma_pk IS NOT NULL THEN o.{1} ELSE "
                  "l.{1} END ELSE {2} END, ",
                  literal(column.name), name, value)
            : value + ", ";
  }
  const std::string missing =
      "CASE WHEN b._unchanged IS NULL OR l._kyma_pk IS NOT NULL THEN NULL WHEN o._kyma_pk IS NULL THEN b._unchanged "
      "ELSE "
      "list_intersect(b._unchanged, o._unchanged.columns) END";
  const auto left = fmt::format(
      "CASE WHEN len({0}) > 0 THEN {{'columns': {0}, 'moved': list_concat(n.path, o._unchanged.moved)}} END", missing);
  copy.hot_rows += WEIR_TRY(session_->change(fmt::format(
      "INSERT INTO {} ({}_kyma_pk, _kyma_op, _kyma_lsn, _kyma_event_at, _unchanged) SELECT {}{}, b._kyma_op, "
      "b._kyma_lsn, b._kyma_event_at, {} FROM {} b LEFT JOIN weir_need n ON n.pk = {} LEFT JOIN weir_old o ON "
      "o._kyma_pk = n.source LEFT JOIN weir_older l ON l._kyma_pk = n.source WHERE {}",
      hot, column_list(changes.table->columns), values, pk, left, batch, pk, condition)));
  if (before.phase == CopyPhase::loading) return {};
  const auto lost =
      WEIR_TRY(session_->rows(fmt::format("SELECT _kyma_pk FROM {} WHERE _unchanged IS NOT NULL LIMIT 1", hot)));
  if (lost.empty()) return {};
  return fail(ErrorCode::data_dir_damaged,
              fmt::format("a row that the source changed is not in its copy: table {}, key {}",
                          changes.table->name.to_string(), lost[0][0]),
              "resync the table");
}

/// The hot rows go, and a tombstone comes for every row that was there. While the table is loading, its snapshot's rows
/// get theirs when it is complete.
Status CopyLanding::apply_truncation(const connector::Truncation& truncation) {
  auto* copy = WEIR_TRY(changed(truncation.table->name));
  if (copy == nullptr) return {};
  const auto before = WEIR_TRY(copy_of(truncation.table->name));
  if (!before.snapshot.empty() && truncation.lsn < before.snapshot) return {};
  const auto hot = hot_of(truncation.table->name);
  const auto event_at = std::chrono::duration_cast<std::chrono::microseconds>(truncation.at.time_since_epoch()).count();
  std::string hot_key, lake_key;
  for (const auto& name : copy->shape.table->key) {
    hot_key += identifier(name) + ", ";
    const auto stored = copy->lake_names.find(name);
    lake_key += fmt::format("{} AS {}, ", stored == copy->lake_names.end() ? "NULL" : identifier(stored->second),
                            identifier(name));
  }
  auto gone = fmt::format("SELECT {}_kyma_pk FROM {} WHERE _kyma_op <> 'delete'", hot_key, hot);
  if (before.phase == CopyPhase::complete) {
    gone += fmt::format(
        " UNION ALL BY NAME SELECT {}_kyma_pk FROM {} ANTI JOIN (SELECT _kyma_pk FROM {}) USING (_kyma_pk) "
        "WHERE _kyma_op <> 'delete'",
        lake_key, lake_rows(records_.connector(), *copy->shape.table, copy->lake_names), hot);
  } else {
    copy->truncated = truncation.lsn + "@" + std::to_string(event_at);
  }
  WEIR_TRY(session_->run("CREATE OR REPLACE TEMP TABLE weir_gone AS " + gone));
  at("truncate_delete");
  copy->hot_rows -= WEIR_TRY(session_->change(fmt::format("DELETE FROM {} WHERE _kyma_op <> 'delete'", hot)));
  at("truncate_insert");
  copy->hot_rows += WEIR_TRY(session_->change(
      fmt::format("INSERT INTO {} ({}_kyma_pk, _kyma_op, _kyma_lsn, _kyma_event_at) SELECT {}_kyma_pk, 'delete', {}, "
                  "make_timestamptz({}) FROM weir_gone",
                  hot, hot_key, hot_key, literal(truncation.lsn), event_at)));
  copy->rows_changed = true;
  copy->only_inserts = false;
  return session_->run("DROP TABLE temp.weir_gone");
}

Status CopyLanding::commit(const LandedPosition& position) {
  if (!open_) return fail(ErrorCode::internal, "a transaction of the landing was committed before it was begun");
  const auto last = this->position();
  Status done;
  if (last && position.position <= last->position) {
    done = fail(ErrorCode::internal, fmt::format("a position of connector {} does not move forward: {} after {}",
                                                 records_.connector(), position.position, last->position));
  } else if (std::ranges::any_of(changes_, [](const auto& entry) { return entry.second.reshaped(); })) {
    done = commit_shapes(position);
  } else {
    done = land(position);
  }
  if (!done) {
    roll_back();
    return fail(classified(std::move(done.error())));
  }
  forget_transaction();
  return {};
}

Status CopyLanding::record_commit(const LandedPosition& position) {
  for (const auto& [name, change] : changes_) {
    const auto copy = WEIR_TRY(copy_of(name));
    if (change.shape.table == copy.shape.table && change.truncated == copy.truncated) continue;
    CopyRecord record = copy;
    record.shape = change.shape;
    record.version = change.version;
    record.truncated = change.truncated;
    WEIR_TRY(records_.save(*session_, record));
  }
  at("position");
  return records_.advance(*session_, position);
}

void CopyLanding::adopt(const LandedPosition& position) {
  const std::lock_guard lock(mutex_);
  position_ = position;
  for (auto& [name, change] : changes_) {
    const auto found = copies_.find(name);
    if (found == copies_.end()) continue;
    auto& copy = found->second;
    copy.shape = std::move(change.shape);
    copy.version = change.version;
    copy.truncated = std::move(change.truncated);
    if (copy.hot_rows == 0) copy.hot_since = Clock::now();
    copy.hot_rows = change.hot_rows;
    if (change.rows_changed) copy.changed_at = Clock::now();
  }
}

void CopyLanding::forget_transaction() {
  changes_.clear();
  writing_.reset();
  open_ = false;
  gate_.leave();
}

void CopyLanding::roll_back() {
  if (!open_) return;
  static_cast<void>(session_->run("ROLLBACK"));
  forget_transaction();
}

}  // namespace weir::sync
