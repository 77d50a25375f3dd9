#include "connectors/postgres/schema_drift.h"

#include <algorithm>
#include <set>
#include <utility>

#include "connectors/postgres/castable_text.h"
#include "connectors/postgres/type_widening.h"

namespace weir::postgres {
namespace {

using connector::ChangeTable;
using connector::SchemaChange;
using connector::TableStop;
using pgoutput::Relation;
using pgoutput::RelationColumn;

constexpr const char* kResync = "POST /v1/connectors/{id}/resync?table=… copies the table anew";

template <typename Range, typename Value>
bool contains(const Range& range, const Value& value) {
  return std::ranges::find(range, value) != std::ranges::end(range);
}

TableStop stopped(std::string reason, std::string hint = kResync) { return {std::move(reason), std::move(hint)}; }

bool same_type(const SourceColumn& a, const SourceColumn& b) {
  return a.type_oid == b.type_oid && a.type_modifier == b.type_modifier;
}
SourceColumn type_of(const RelationColumn& column) { return {0, column.type_oid, column.type_modifier}; }

/// The columns of `facts` that the source sends, when they are exactly those of `relation`.
bool is_current(const TableFacts& facts, const Relation& relation) {
  size_t at = 0;
  for (const AttributeFacts& attribute : facts.attributes) {
    if (attribute.is_generated) continue;
    if (at == relation.columns.size()) return false;
    const RelationColumn& column = relation.columns[at++];
    if (column.name != attribute.column.name || !same_type(type_of(column), attribute.source)) return false;
  }
  return at == relation.columns.size();
}

/// The number of the column `column`, by its name: now, or when the copy last saw it. 0: neither.
int16_t number_by_name(const FollowedTable& known, const RelationColumn& column, const TableFacts* facts) {
  if (facts != nullptr) {
    for (const AttributeFacts& now : facts->attributes) {
      if (now.column.name == column.name && same_type(now.source, type_of(column))) return now.source.number;
    }
  }
  for (size_t i = 0; i < known.source.columns.size(); i++) {
    if (known.table->columns[i].name == column.name) return known.source.columns[i].number;
  }
  if (facts != nullptr) {
    for (const AttributeFacts& now : facts->attributes) {
      if (now.column.name == column.name) return now.source.number;
    }
  }
  return 0;
}

/// Columns that came since the copy saw the table, and are gone already, have numbers that the catalogs do not show.
std::set<int16_t> passing_numbers(const FollowedTable& known, const TableFacts* facts) {
  std::set<int16_t> numbers;
  if (facts == nullptr || known.source.last_number == 0) return numbers;
  for (int number = known.source.last_number + 1; number <= facts->last_number; number++) {
    const auto one = static_cast<int16_t>(number);
    if (facts->attribute(one) == nullptr) numbers.insert(one);
  }
  return numbers;
}

std::set<int16_t> possible_numbers(const FollowedTable& known, const TableFacts* facts) {
  std::set<int16_t> all = passing_numbers(known, facts);
  for (const SourceColumn& column : known.source.columns) all.insert(column.number);
  if (facts != nullptr) {
    for (const AttributeFacts& now : facts->attributes) all.insert(now.source.number);
  }
  return all;
}

/// Whether a column that is taken for a new one may be another one, which has come and gone in between.
bool may_be_passing(const FollowedTable& known, const TableFacts* facts, const std::vector<int16_t>& numbers) {
  const std::set<int16_t> passing = passing_numbers(known, facts);
  for (size_t i = 0; i < numbers.size(); i++) {
    if (numbers[i] <= known.source.last_number) continue;
    const auto first = passing.upper_bound(i == 0 ? int16_t{0} : numbers[i - 1]);
    if (first != passing.end() && (i + 1 == numbers.size() || *first < numbers[i + 1])) return true;
  }
  return false;
}

/// A column whose name was another one both before and after stands between its neighbours, because columns are sent in
/// the order of their numbers: where only one number is left there, it has that one.
bool fill_gaps(const FollowedTable& known, const TableFacts* facts, std::vector<int16_t>& numbers) {
  const std::set<int16_t> all = possible_numbers(known, facts);
  for (size_t i = 0; i < numbers.size(); i++) {
    const int16_t low = i == 0 ? int16_t{0} : numbers[i - 1];
    if (numbers[i] != 0) {
      if (numbers[i] <= low) return false;
      continue;
    }
    const auto next =
        std::find_if(numbers.begin() + static_cast<int64_t>(i), numbers.end(), [](int16_t n) { return n != 0; });
    const int high = next == numbers.end() ? INT16_MAX + 1 : *next;
    const auto first = all.upper_bound(low);
    if (first == all.end() || *first >= high) return false;
    if (const auto second = std::next(first); second != all.end() && *second < high) return false;
    numbers[i] = *first;
  }
  return true;
}

/// pg_attribute.attnum for each column of `relation`; nothing when too much has changed in between to tell.
std::optional<std::vector<int16_t>> find_numbers(const FollowedTable& known, const Relation& relation,
                                                 const TableFacts* facts) {
  std::vector<int16_t> numbers;
  if (facts != nullptr && is_current(*facts, relation)) {
    for (const AttributeFacts& now : facts->attributes) {
      if (!now.is_generated) numbers.push_back(now.source.number);
    }
  } else {
    for (const RelationColumn& column : relation.columns) numbers.push_back(number_by_name(known, column, facts));
    if (!fill_gaps(known, facts, numbers)) return std::nullopt;
  }
  if (may_be_passing(known, facts, numbers)) return std::nullopt;
  return numbers;
}

/// Compares column by column; every method leaves a reason in `stop` when the table cannot go on.
class Comparison {
 public:
  Comparison(const FollowedTable& known, const Relation& relation, const TableFacts* facts)
      : known_(known), relation_(relation), facts_(facts), table_(std::make_shared<ChangeTable>(*known.table)) {
    table_->columns.clear();
    table_->key.clear();
    next_.source = {relation.oid, known.source.storage, known.source.last_number, known.source.since, {}};
  }

  Drift run() {
    const auto numbers = find_numbers(known_, relation_, facts_);
    if (!numbers) return {nullptr, {}, stopped("schema_unclear")};
    adopt_numbers(*numbers);
    check_names(*numbers);
    for (size_t i = 0; i < relation_.columns.size() && !stop_; i++) take_column(relation_.columns[i], (*numbers)[i]);
    for (size_t i = 0; i < known_.table->columns.size() && !stop_; i++) {
      if (!contains(taken_, i)) change_.dropped.push_back(known_.table->columns[i].name);
    }
    if (!stop_) take_key(*numbers);
    if (stop_) return {nullptr, {}, std::move(stop_)};
    take_storage(*numbers);
    return finish();
  }

 private:
  /// Columns whose numbers nobody knows (no memo, and another name or type by now): one with the same type in the same
  /// place was renamed.
  void adopt_numbers(const std::vector<int16_t>& numbers) {
    known_numbers_.resize(known_.source.columns.size());
    for (size_t i = 0; i < known_numbers_.size(); i++) known_numbers_[i] = known_.source.columns[i].number;
    for (size_t i = 0; i < known_numbers_.size(); i++) {
      if (known_numbers_[i] != 0 || i >= numbers.size() || facts_ == nullptr) continue;
      if (contains(known_numbers_, numbers[i])) continue;
      const AttributeFacts* now = facts_->attribute(numbers[i]);
      if (now != nullptr && now->column.source_type == known_.table->columns[i].source_type) {
        known_numbers_[i] = numbers[i];
      }
    }
  }

  /// As find_replaced, for a table that has changed otherwise, too.
  void check_names(const std::vector<int16_t>& numbers) {
    for (size_t i = 0; i < numbers.size() && !stop_; i++) {
      const std::string& name = relation_.columns[i].name;
      const auto known = std::ranges::find(known_.table->columns, name, &plan::Column::name);
      if (known == known_.table->columns.end()) continue;
      const int16_t before = known_numbers_[static_cast<size_t>(known - known_.table->columns.begin())];
      if (before != 0 && !contains(numbers, before)) stop_ = stopped("column_replaced: " + name);
    }
  }

  /// Catalogs that are ahead of the stream may show the file of a later rewrite.
  void take_storage(const std::vector<int16_t>& numbers) {
    if (facts_ != nullptr && is_current(*facts_, relation_)) {
      next_.source.storage = facts_->storage;
      next_.source.last_number = facts_->last_number;
    } else if (next_.source.last_number != 0) {
      for (const int16_t number : numbers) next_.source.last_number = std::max(next_.source.last_number, number);
    }
  }

  void take_column(const RelationColumn& column, int16_t number) {
    next_.targets.push_back(-1);
    const auto known = std::ranges::find(known_numbers_, number);
    if (known != known_numbers_.end())
      return take_known(column, static_cast<size_t>(known - known_numbers_.begin()), number);
    const AttributeFacts* now = facts_ == nullptr ? nullptr : facts_->attribute(number);
    if (now == nullptr || !now->is_selectable) return;  // dropped again since, or none of ours
    if (number <= known_.source.last_number) {
      stop_ = stopped("column_not_copied: " + column.name);
      return;
    }
    if (!same_type(now->source, type_of(column))) {
      stop_ = stopped("type_changed: " + column.name);
      return;
    }
    // A rewrite fills the column of rows that are there already, and does not send them; the default may be gone again.
    const bool rewritten = known_.source.storage == 0 || known_.source.storage != facts_->storage;
    if (!now->has_missing_value && rewritten) {
      stop_ = stopped("column_default_volatile: " + column.name);
      return;
    }
    plan::Column added = now->column;
    added.name = column.name;
    auto value = now->missing_value;
    if (value) value = castable_text(*value, added.type);
    change_.added.push_back({added, std::move(value)});
    append(std::move(added), now->source);
  }

  void take_known(const RelationColumn& column, size_t index, int16_t number) {
    taken_.push_back(index);
    plan::Column now = known_.table->columns[index];
    SourceColumn source{number, column.type_oid, column.type_modifier};
    if (now.name != column.name) {
      change_.renamed.push_back({now.name, column.name});
      now.name = column.name;
    }
    const SourceColumn& before = known_.source.columns[index];
    const bool comparable = before.number != 0;
    if (comparable && !same_type(before, source)) {
      const AttributeFacts* facts = facts_ == nullptr ? nullptr : facts_->attribute(number);
      const bool in_key = contains(known_.key, index);
      if (facts == nullptr || !same_type(facts->source, source) ||
          !widens(before, now, source, facts->column, in_key)) {
        stop_ = stopped("type_changed: " + column.name);
        return;
      }
      const std::string name = now.name;
      now = facts->column;
      now.name = name;
      change_.widened.push_back(now);
    }
    append(std::move(now), source);
  }

  void append(plan::Column column, SourceColumn source) {
    next_.targets.back() = static_cast<int>(table_->columns.size());
    table_->columns.push_back(std::move(column));
    next_.source.columns.push_back(source);
  }

  /// The key must be the columns that it was, whatever their names are by now.
  void take_key(const std::vector<int16_t>& numbers) {
    std::set<int16_t> known, now;
    for (const size_t index : known_.key) known.insert(known_numbers_[index]);
    if (relation_.identity == 'f') {
      // All columns are marked. The catalogs know the primary key; a table that is gone keeps what it had.
      if (facts_ != nullptr) now.insert(facts_->primary_key.begin(), facts_->primary_key.end());
      if (facts_ == nullptr) now = known;
    } else {
      for (size_t i = 0; i < numbers.size(); i++) {
        if (relation_.columns[i].in_identity) now.insert(numbers[i]);
      }
    }
    if (known != now) {
      stop_ = stopped("pk_changed");
      return;
    }
    for (const size_t index : known_.key) {
      const auto at = std::ranges::find(next_.source.columns, known_numbers_[index], &SourceColumn::number);
      if (at == next_.source.columns.end()) {
        stop_ = stopped("pk_changed");
        return;
      }
      table_->key.push_back(table_->columns[static_cast<size_t>(at - next_.source.columns.begin())].name);
    }
  }

  Drift finish() {
    const bool changed =
        !change_.added.empty() || !change_.renamed.empty() || !change_.dropped.empty() || !change_.widened.empty();
    next_.relation = relation_;
    table_->memo = to_text(next_.source);
    const bool is_news = changed || table_->memo != known_.table->memo;
    next_.table = is_news ? table_ : known_.table;
    next_.key = key_columns(*next_.table);
    Drift drift{std::make_shared<FollowedTable>(next_), {}, {}};
    if (!is_news) return drift;
    change_.before = known_.table;
    change_.after = next_.table;
    drift.change = std::move(change_);
    return drift;
  }

  const FollowedTable& known_;
  const Relation& relation_;
  const TableFacts* facts_;
  std::shared_ptr<ChangeTable> table_;
  FollowedTable next_;
  SchemaChange change_;
  std::vector<int16_t> known_numbers_;
  std::vector<size_t> taken_;
  std::optional<TableStop> stop_;
};

}  // namespace

bool is_unchanged(const FollowedTable& known, const Relation& relation) {
  if (known.source.oid != relation.oid) return false;
  if (known.relation == relation && relation.identity != 'f') return true;
  // With FULL the primary key is not marked, and with NOTHING there is none.
  if (relation.identity != 'd' && relation.identity != 'i') return false;
  if (relation.schema != known.table->name.schema || relation.name != known.table->name.table) return false;
  if (relation.columns.size() != known.table->columns.size()) return false;
  for (size_t i = 0; i < relation.columns.size(); i++) {
    const RelationColumn& column = relation.columns[i];
    if (known.source.columns[i].number == 0 || column.name != known.table->columns[i].name ||
        !same_type(type_of(column), known.source.columns[i]) || column.in_identity != contains(known.key, i)) {
      return false;
    }
  }
  return true;
}

std::optional<TableStop> find_replaced(const FollowedTable& known, const ColumnNumbers& now) {
  for (size_t i = 0; i < known.source.columns.size(); i++) {
    const auto found = now.numbers.find(known.table->columns[i].name);
    if (found == now.numbers.end() || found->second == known.source.columns[i].number) continue;
    return stopped("column_replaced: " + known.table->columns[i].name);
  }
  return std::nullopt;
}

Drift with_storage(FollowedTablePtr next, const ColumnNumbers& now) {
  const TableMemo& known = next->source;
  // A column that came since may be what the file was written anew for.
  const bool has_newer = known.last_number == 0 || std::ranges::any_of(now.numbers, [&](const auto& column) {
                           return column.second > known.last_number;
                         });
  if (now.numbers.empty() || has_newer || now.storage == known.storage) return {std::move(next), {}, {}};
  FollowedTable adopted = *next;
  adopted.source.storage = now.storage;
  auto table = std::make_shared<ChangeTable>(*next->table);
  table->memo = to_text(adopted.source);
  adopted.table = table;
  SchemaChange change;
  change.before = next->table;
  change.after = table;
  return {std::make_shared<FollowedTable>(std::move(adopted)), std::move(change), {}};
}

connector::TableStop renamed_stop(const plan::TableName& now) {
  return {"table_renamed", "name it " + now.to_string() + " in sync.tables"};
}

Drift compare(const FollowedTable& known, const Relation& relation, const TableFacts* facts) {
  const std::string name = known.table->name.to_string();
  if (relation.schema != known.table->name.schema || relation.name != known.table->name.table) {
    return {nullptr, {}, renamed_stop({relation.schema, relation.name})};
  }
  if (relation.identity == 'n') {
    return {nullptr,
            {},
            stopped("replica_identity_nothing",
                    "run ALTER TABLE " + name + " REPLICA IDENTITY DEFAULT on the source, then " + kResync)};
  }
  if (is_unchanged(known, relation)) {
    FollowedTable next = known;
    next.relation = relation;
    if (next.targets.size() != relation.columns.size()) {
      next.targets.clear();
      for (size_t i = 0; i < relation.columns.size(); i++) next.targets.push_back(static_cast<int>(i));
    }
    return {std::make_shared<FollowedTable>(std::move(next)), {}, {}};
  }
  if (facts == nullptr && known.relation.oid == 0) return {nullptr, {}, stopped("table_dropped")};
  return Comparison(known, relation, facts).run();
}

}  // namespace weir::postgres
