/// Changes of a table's shape: the hot table's in the transaction of the rows, the lake's in the committer's turn
/// around the commit. What the lake's columns were is recorded before, so that a crash in between is undone at the next
/// start; the change then comes again from the source.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lake/hot.h"
#include "lake/lake.h"
#include "sync/copy_landing.h"

namespace weir::sync {
namespace {

using connector::SchemaChange;
using lake::SqlSession;
using nlohmann::json;

bool same_name(const std::string& left, const std::string& right) {
  return std::ranges::equal(left, right,
                            [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

/// One column of the copy on its way from the old shape to the new one.
struct Passage {
  plan::Column column;  ///< as it becomes
  std::string before;   ///< its name in the hot table; empty: it is new
  const SchemaChange::Added* added = nullptr;
  bool is_dropped = false;
};

/// A change of shape is not begun with less space on the disk.
constexpr uint64_t kRoomMin = 8u << 20;

/// The lake cannot hold a default of these types.
bool has_literal_default(const plan::Type& type) { return type.kind != plan::Kind::list && !stored_differently(type); }

/// So many rows are written in some seconds, in which no other table's changes land.
constexpr uint64_t kFilledRowsMax = 1'000'000;

std::string text_as(const std::string& text, const plan::Type& type) {
  // As DuckDB reads the source's column, then as it is kept.
  const auto cast = type.kind == plan::Kind::interval ? std::string("INTERVAL")
                    : type.kind == plan::Kind::list && stored_differently(type)
                        ? "INTERVAL" + stored_type(type).substr(stored_type(type.children.at(0)).size())
                        : stored_type(type);
  return to_stored(fmt::format("CAST({} AS {})", literal(text), cast), type);
}

class ShapePlan {
 public:
  ShapePlan(const SchemaChange& change, const CopyShape& before) : change_(change) {
    for (const auto& column : before.table->columns) columns_.push_back({column, column.name, nullptr, false});
    for (const auto& column : before.dropped) columns_.push_back({column, column.name, nullptr, true});
  }

  /// Errors: schema_drift.
  Status make() {
    if (const auto kept = can_be_copied(*change_.after); !kept) return drift("cannot follow: " + kept.error().message);
    for (const auto& name : change_.dropped) {
      auto* found = find_before(name);
      if (found != nullptr) found->is_dropped = true;
    }
    for (const auto& renamed : change_.renamed) {
      auto* found = find_before(renamed.from);
      if (found == nullptr) return drift("has no column " + renamed.from);
      found->column.name = renamed.to;
    }
    for (const auto& widened : change_.widened) {
      const auto found = std::ranges::find_if(
          columns_, [&](const auto& passage) { return !passage.is_dropped && passage.column.name == widened.name; });
      if (found == columns_.end()) return drift("has no column " + widened.name);
      if (!can_widen(found->column.type, widened.type)) {
        return drift(fmt::format("cannot turn column {} from {} into {}", widened.name,
                                 plan::to_string(found->column.type), plan::to_string(widened.type)));
      }
      found->column.type = widened.type;
    }
    for (const auto& added : change_.added) columns_.push_back({added.column, "", &added, false});
    move_dropped_aside();
    return take_new_shape();
  }

  const std::vector<Passage>& columns() const { return columns_; }
  /// A new column whose default must be written into every row of the lake.
  const plan::Column* filled() const {
    for (const auto& added : change_.added) {
      if (added.value && !has_literal_default(added.column.type)) return &added.column;
    }
    return nullptr;
  }
  CopyShape after() const {
    CopyShape shape{change_.after, {}};
    for (const auto& passage : columns_) {
      if (passage.is_dropped) shape.dropped.push_back(passage.column);
    }
    return shape;
  }

 private:
  std::unexpected<Error> drift(const std::string& what) const {
    return fail(ErrorCode::schema_drift, fmt::format("the copy of table {} {}", change_.before->name.to_string(), what),
                "resync the table");
  }

  Passage* find_before(const std::string& name) {
    const auto found = std::ranges::find_if(
        columns_, [&](const auto& passage) { return !passage.is_dropped && passage.before == name; });
    return found == columns_.end() ? nullptr : &*found;
  }

  bool is_taken(const std::string& name, const Passage* except) const {
    return std::ranges::any_of(
        columns_, [&](const auto& passage) { return &passage != except && same_name(passage.column.name, name); });
  }

  /// A dropped column gives its name to one that wants it.
  void move_dropped_aside() {
    for (auto& passage : columns_) {
      if (!passage.is_dropped || !is_taken(passage.column.name, &passage)) continue;
      auto name = passage.column.name + "_dropped";
      for (int number = 2; is_taken(name, &passage); ++number)
        name = fmt::format("{}_dropped_{}", passage.column.name, number);
      passage.column.name = name;
    }
  }

  /// The columns that stay are those that the source says it has now.
  Status take_new_shape() {
    for (const auto& column : change_.after->columns) {
      const auto found = std::ranges::find_if(
          columns_, [&](const auto& passage) { return !passage.is_dropped && passage.column.name == column.name; });
      if (found == columns_.end()) return drift("would lack column " + column.name);
      if (!(found->column.type == column.type)) return drift("would have another type in column " + column.name);
      found->column = column;
    }
    const auto kept = std::ranges::count_if(columns_, [](const auto& passage) { return !passage.is_dropped; });
    if (kept == std::ssize(change_.after->columns)) return {};
    return drift("would have columns that the source has not");
  }

  const SchemaChange& change_;
  std::vector<Passage> columns_;
};

/// The lake's steps, from the names that it has. Names that are still in use are freed by a name in between. While the
/// table is loading it has no tombstones, and may not have the column that tells them.
std::vector<ShapeStep> lake_steps(const std::string& table, const std::vector<Passage>& columns,
                                  const std::map<std::string, plan::Type>& types, CopyPhase phase) {
  std::vector<ShapeStep> steps, last;
  const auto* alive = phase == CopyPhase::loading ? "" : " WHERE _kyma_op <> 'delete'";
  int number = 0;
  for (const auto& passage : columns) {
    if (passage.before.empty() || passage.before == passage.column.name) continue;
    const auto between = fmt::format("_weir_renamed_{}", ++number);
    steps.push_back(
        {fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {}", table, identifier(passage.before), identifier(between))});
    last.push_back({fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {}", table, identifier(between),
                                identifier(passage.column.name))});
  }
  // One rename frees nothing that another one needs.
  if (number == 1) {
    steps.clear();
    last.clear();
    for (const auto& passage : columns) {
      if (passage.before.empty() || passage.before == passage.column.name) continue;
      last.push_back({fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {}", table, identifier(passage.before),
                                  identifier(passage.column.name))});
    }
  }
  steps.insert(steps.end(), last.begin(), last.end());
  for (const auto& passage : columns) {
    const auto name = identifier(passage.column.name);
    const auto& type = passage.column.type;
    if (passage.before.empty()) {
      const auto& value = passage.added->value;
      const bool by_default = value && has_literal_default(type);
      // An old column may still have the name.
      const bool unseen = std::ranges::none_of(
          columns, [&](const auto& other) { return same_name(other.before, passage.column.name); });
      std::vector<ShapeStep> added;
      added.push_back({fmt::format("ALTER TABLE {} ADD COLUMN {} {}{}", table, name, stored_type(type),
                                   by_default ? " DEFAULT " + literal(*value) : ""),
                       unseen});
      if (by_default)
        added.push_back({fmt::format("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT NULL", table, name), unseen});
      if (value && !by_default) {
        added.push_back({fmt::format("UPDATE {} SET {} = {}{}", table, name, text_as(*value, type), alive), unseen});
      }
      steps.insert(steps.end(), added.begin(), added.end());
    } else if (const auto found = types.find(passage.before); found != types.end() && !(found->second == type)) {
      steps.push_back({fmt::format("ALTER TABLE {} ALTER COLUMN {} SET DATA TYPE {}", table, name, stored_type(type))});
      // DuckLake keeps what it knows of the values, with their old type, until the lake has another file; a query that
      // uses it fails (internal: SetMin or SetMax …). So one row is written as it was.
      steps.push_back(
          {fmt::format("UPDATE {0} SET {1} = {1} WHERE rowid IN (SELECT rowid FROM {0} LIMIT 1)", table, name)});
    }
  }
  return steps;
}

/// The hot table in its new shape.
std::string reshaped_hot(std::string_view create, const std::string& table, const std::vector<Passage>& columns) {
  std::string list;
  std::string names = "n";  // of `_unchanged`
  for (const auto& passage : columns) {
    const auto name = identifier(passage.column.name);
    if (passage.before.empty()) {
      const auto& value = passage.added->value;
      const auto type = stored_type(passage.column.type);
      list += value ? fmt::format("CASE WHEN _kyma_op <> 'delete' THEN {} END::{} AS {}, ",
                                  text_as(*value, passage.column.type), type, name)
                    : fmt::format("NULL::{} AS {}, ", type, name);
    } else {
      list += fmt::format("{}::{} AS {}, ", identifier(passage.before), stored_type(passage.column.type), name);
      if (passage.before != passage.column.name) {
        names = fmt::format("CASE WHEN n = {} THEN {} ELSE {} END", literal(passage.before),
                            literal(passage.column.name), names);
      }
    }
  }
  return fmt::format(
      "{3} {0} AS SELECT {1}_kyma_pk, _kyma_op, _kyma_lsn, _kyma_event_at, CASE WHEN _unchanged IS "
      "NULL "
      "THEN NULL ELSE {{'columns': list_transform(_unchanged.columns, lambda n: {2}), 'moved': _unchanged.moved}} END "
      "AS "
      "_unchanged FROM {0}",
      table, list, names, create);
}

}  // namespace

Status CopyLanding::apply_shape(const SchemaChange& change) {
  auto* copy = WEIR_TRY(changed(change.before->name));
  if (copy == nullptr) return {};
  const auto& now = copy->shape.table;
  // Made of a table that was examined after the change; or nothing that a copy shows.
  if (now->columns == change.after->columns && now->key == change.after->key) {
    copy->shape.table = change.after;
    return {};
  }
  ShapePlan plan(change, copy->shape);
  WEIR_TRY(plan.make());
  if (const auto* filled = plan.filled();
      filled != nullptr && WEIR_TRY(rows_in_lake(change.before->name)) > kFilledRowsMax) {
    return fail(ErrorCode::schema_drift, "column_default_not_stored: " + filled->name,
                "resync " + change.before->name.to_string());
  }
  std::map<std::string, plan::Type> types;
  for (const auto& column : copy->shape.stored()) types[column.name] = column.type;
  const auto phase = WEIR_TRY(copy_of(change.before->name)).phase;
  const auto steps = lake_steps(lake_of(change.before->name), plan.columns(), types, phase);
  copy->lake_steps.insert(copy->lake_steps.end(), steps.begin(), steps.end());
  at("shape_hot");
  auto reshaped = session_->run(reshaped_hot(create_hot(), hot_of(change.before->name), plan.columns()));
  if (!reshaped && reshaped.error().kind() == ErrorKind::invalid_input) {
    return fail(ErrorCode::schema_drift,
                fmt::format("the copy of table {} cannot follow: {}", change.before->name.to_string(),
                            reshaped.error().message),
                "resync the table");
  }
  WEIR_TRY(reshaped);
  LakeNames lake_names;
  for (const auto& passage : plan.columns()) {
    const auto known = copy->lake_names.find(passage.before);
    if (known != copy->lake_names.end()) lake_names[passage.column.name] = known->second;
  }
  copy->lake_names = std::move(lake_names);
  copy->shape = plan.after();
  // What was moved in the meantime has the old shape, also when nothing changes in the lake.
  ++copy->version;
  copy->rows_changed = true;
  return {};
}

Result<uint64_t> CopyLanding::rows_in_lake(const plan::TableName& table) const {
  const auto session = WEIR_TRY(this->session());
  return std::stoull(WEIR_TRY(session->rows("SELECT count(*) FROM " + lake_of(table)))[0][0]);
}

Result<std::map<std::string, std::string>> CopyLanding::lake_columns(SqlSession& session,
                                                                     const plan::TableName& table) const {
  const auto metadata = std::string(lake::kMetadataCatalog);
  const auto rows = WEIR_TRY(session.rows(fmt::format(
      "SELECT c.column_id, c.column_name FROM {0}.ducklake_column c JOIN {0}.ducklake_table t USING (table_id) JOIN "
      "{0}.ducklake_schema s USING (schema_id) WHERE c.end_snapshot IS NULL AND t.end_snapshot IS NULL AND "
      "s.end_snapshot IS NULL "
      "AND c.parent_column IS NULL AND s.schema_name = {1} AND t.table_name = {2}",
      metadata, literal(lake::copy_schema(records_.connector(), table.schema)), literal(table.table))));
  std::map<std::string, std::string> columns;
  for (const auto& row : rows) columns[row[0]] = row[1];
  return columns;
}

Status CopyLanding::commit_shapes(const LandedPosition& position) {
  // What cannot be finished must be undone, and that needs space too.
  std::error_code failed;
  if (const auto room = std::filesystem::space(committer_.directory(), failed).available; !failed && room < kRoomMin) {
    return fail(ErrorCode::disk_full,
                fmt::format("too little space for a change of shape on the disk of {}: {} bytes left",
                            committer_.directory().string(), room));
  }
  const auto session = WEIR_TRY(this->session());
  const auto reshaped = WEIR_TRY(intend_shapes(*session));
  gate_.want_lake();
  bool had_turn = false;
  const auto change_both = [&]() -> Status {
    had_turn = true;
    auto done = change_lake_shapes(*session, /*unseen=*/true);
    const lake::FoldEpoch::Switch changing(epoch_);
    if (done) done = change_lake_shapes(*session, /*unseen=*/false);
    if (done) done = land_in_turn(position);
    if (done) return done;
    // The transaction must be gone, for what is recorded says which of the two came to pass.
    static_cast<void>(session_->run("ROLLBACK"));
    undo_is_due_ = !undo_intents_in_turn(*session);
    return done;
  };
  auto done = committer_.commit(*session, change_both, {});
  if (!done && !had_turn) undo_is_due_ = true;
  if (!done) return done;
  // It is durable, whatever becomes of the notes; one that stays is found to be done.
  for (const auto& name : reshaped) {
    const auto settled = record(*session, [&](SqlSession& records) { return records_.settle(records, name); });
    if (!settled) undo_is_due_ = true;
  }
  return {};
}

/// Notes what the columns of the tables are that get another shape.
Result<std::vector<plan::TableName>> CopyLanding::intend_shapes(SqlSession& session) {
  std::vector<plan::TableName> reshaped;
  for (const auto& [name, change] : changes_) {
    if (!change.reshaped()) continue;
    reshaped.push_back(name);
    const ShapeIntent intent{name, change.version, json(WEIR_TRY(lake_columns(session, name))).dump()};
    at("shape_intend");
    WEIR_TRY(record(session, [&](SqlSession& records) -> Status {
      // The fence, before the lake changes; the hot database's row belongs to the transaction that is open.
      if (commits_in_lake()) WEIR_TRY(records_.hold(records));
      WEIR_TRY(records_.settle(records, intent.table));
      return records_.intend(records, intent);
    }));
  }
  return reshaped;
}

Status CopyLanding::change_lake_shapes(SqlSession& session, bool unseen) {
  for (const auto& [name, change] : changes_) {
    for (const auto& step : change.lake_steps) {
      if (step.unseen != unseen) continue;
      at("shape_lake");
      WEIR_TRY(session.run(step.sql));
    }
  }
  if (!unseen) at("shape_done");
  return {};
}

/// At the start: a change of shape that was begun and not committed did not happen.
Status CopyLanding::undo_intents(SqlSession& session) {
  if (WEIR_TRY(records_.intents(session)).empty()) return {};
  return committer_.commit(session, [&] { return undo_intents_in_turn(session); }, {});
}

Status CopyLanding::undo_intents_in_turn(SqlSession& session) {
  const auto intents = WEIR_TRY(records_.intents(session));
  const auto copies = WEIR_TRY(records_.copies(session));
  for (const auto& intent : intents) {
    const auto copy =
        std::ranges::find_if(copies, [&](const auto& record) { return record.shape.table->name == intent.table; });
    if (copy != copies.end() && copy->version < intent.version_after) WEIR_TRY(undo(session, intent));
    WEIR_TRY(records_.settle(session, intent.table));
  }
  return {};
}

/// Columns of the lake are known by their numbers, whatever they are called now. A wider type stays.
Status CopyLanding::undo(SqlSession& session, const ShapeIntent& intent) {
  const auto before = json::parse(intent.columns_before).get<std::map<std::string, std::string>>();
  const auto table = lake_of(intent.table);
  const auto rename = [&](const std::string& from, const std::string& to) {
    at("shape_undo");
    return session.run(fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {}", table, identifier(from), identifier(to)));
  };
  for (const auto& [id, name] : WEIR_TRY(lake_columns(session, intent.table))) {
    const auto known = before.find(id);
    if (known == before.end() && is_reserved(name)) continue;  // came with the end of the snapshot
    if (known == before.end()) {
      at("shape_undo");
      WEIR_TRY(session.run(fmt::format("ALTER TABLE {} DROP COLUMN {}", table, identifier(name))));
    } else if (known->second != name && !name.starts_with("_weir_undone_")) {
      WEIR_TRY(rename(name, "_weir_undone_" + id));
    }
  }
  for (const auto& [id, name] : WEIR_TRY(lake_columns(session, intent.table))) {
    const auto known = before.find(id);
    if (known != before.end() && known->second != name) WEIR_TRY(rename(name, known->second));
  }
  return {};
}

}  // namespace weir::sync
