#include "connectors/postgres/change_rows.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "connectors/postgres/big_endian.h"
#include "connectors/postgres/decode_fault.h"
#include "connectors/postgres/type_oids.h"

namespace weir::postgres {
namespace {

using batch::ColumnBuilder;
using pgoutput::Row;
using pgoutput::Tuple;
using pgoutput::Value;
using plan::Kind;

constexpr std::string_view kInsert = "insert", kUpdate = "update", kDelete = "delete";

void write_digits(char* at, uint64_t value, int count) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (int i = count - 1; i >= 0; i--, value >>= 4) at[i] = kDigits[value & 15];
}

/// The binary form of jsonb is its text behind the number of the form.
constexpr char kJsonbForm = 1;

/// numeric's binary form begins with digits, weight and sign; then comes how many digits are shown behind the point,
/// which makes 1.0 and 1.00 different bytes of one value.
constexpr int32_t kScaleAt = 6, kScaleEnd = 8;

/// Values of more bytes are worth counting again when a later event leaves them as they are.
constexpr int32_t kLargeBytesMin = 64;

}  // namespace

std::string_view EventStamp::take() {
  if (written_ != commit) {
    write_digits(text_, commit.value, 16);
    text_[16] = '/';
    written_ = commit;
  }
  write_digits(text_ + 17, next++, 8);
  return {text_, sizeof text_};
}

ChangeRows::ChangeRows(FollowedTablePtr followed)
    : followed_(std::move(followed)),
      origins_(followed_->table->columns.size(), -1),
      operation_(ColumnBuilder::bytes()),
      lsn_(ColumnBuilder::bytes()),
      committed_at_(ColumnBuilder::fixed(sizeof(int64_t))) {
  for (size_t i = 0; i < followed_->targets.size(); i++) {
    if (followed_->targets[i] >= 0) origins_[static_cast<size_t>(followed_->targets[i])] = static_cast<int>(i);
  }
  for (size_t i = 0; i < origins_.size(); i++) {
    const plan::Column& column = followed_->table->columns[i];
    Field field{make_value_decoder(column.type, column.cast_to_text), make_column_builder(column.type), false, {}};
    field.is_jsonb = column.cast_to_text && followed_->source.columns[i].type_oid == oid::kJsonb;
    if (column.cast_to_text && !field.is_jsonb) field.raw.emplace();
    fields_.push_back(std::move(field));
  }
}

Status ChangeRows::check_width(const Row& row) const {
  const size_t width = followed_->targets.size();
  const bool old_fits = row.old_form == 0 || row.old_row.size() == width;
  const bool new_fits = row.kind == pgoutput::Kind::remove || row.new_row.size() == width;
  if (old_fits && new_fits) return {};
  return fail(ErrorCode::internal, fmt::format("cannot decode a change of table {}: {} values, expected {} (protocol "
                                               "error; report it)",
                                               followed_->table->name.to_string(), row.new_row.size(), width));
}

Status ChangeRows::apply(const Row& row, EventStamp& stamp) {
  WEIR_TRY(check_width(row));
  const Tuple* old_row = row.old_form != 0 ? &row.old_row : nullptr;
  const Tuple* whole_old_row = row.old_form == 'O' ? &row.old_row : nullptr;
  switch (row.kind) {
    case pgoutput::Kind::insert:
      WEIR_TRY(make_key(row.new_row, nullptr, key_));
      return append_row(kInsert, row.new_row, {}, stamp);
    case pgoutput::Kind::remove:
      if (old_row == nullptr) break;
      WEIR_TRY(make_key(*old_row, nullptr, key_));
      return append_delete(*old_row, nullptr, stamp);
    case pgoutput::Kind::update: {
      WEIR_TRY(make_key(row.new_row, old_row, key_));
      if (old_row != nullptr) WEIR_TRY(make_key(*old_row, &row.new_row, old_key_));
      const bool moves = old_row != nullptr && old_key_ != key_;
      Earlier earlier{whole_old_row, index_.find(moves ? old_key_ : key_), KeyIndex::kNone};
      if (moves) {
        earlier.moved_from = rows_;
        key_.swap(old_key_);
        WEIR_TRY(append_delete(*old_row, &row.new_row, stamp));
        key_.swap(old_key_);
      }
      return append_row(kUpdate, row.new_row, earlier, stamp);
    }
    default:
      break;
  }
  return fail(ErrorCode::internal, "cannot decode a change of table " + followed_->table->name.to_string() +
                                       ": a delete without its key (protocol error; report it)");
}

/// Of an earlier row; what is not large counts as much as the largest that is not.
uint64_t ChangeRows::Field::bytes_of(int64_t row) const {
  if (raw) return raw->bytes(static_cast<size_t>(row)).size();
  const auto found = std::ranges::lower_bound(large, row, {}, &std::pair<int64_t, uint32_t>::first);
  return found == large.end() || found->first != row ? kLargeBytesMin : found->second;
}

/// The bytes by which the key's values are told apart: equal exactly when their text is. A value that the tuple leaves
/// out is that of `instead`.
Status ChangeRows::make_key(const Tuple& tuple, const Tuple* instead, std::string& key) const {
  key.clear();
  for (const size_t index : followed_->key) {
    const auto origin = static_cast<size_t>(origins_[index]);
    const Value* value = &tuple[origin];
    if (!value->is_sent() && instead != nullptr) value = &(*instead)[origin];
    if (!value->is_sent()) {
      return fail(ErrorCode::internal,
                  fmt::format("cannot decode a change of table {}: the key's column {} is missing "
                              "(protocol error; report it)",
                              followed_->table->name.to_string(), followed_->table->columns[index].name));
    }
    key.append(reinterpret_cast<const char*>(&value->length), sizeof value->length);
    const bool is_decimal = followed_->table->columns[index].type.kind == Kind::decimal && value->length >= kScaleEnd;
    if (is_decimal) {
      key.append(value->data, kScaleAt).append(value->data + kScaleEnd, static_cast<size_t>(value->length - kScaleEnd));
    } else {
      key.append(value->data, static_cast<size_t>(value->length));
    }
  }
  return {};
}

Status ChangeRows::append_delete(const Tuple& old_row, const Tuple* instead, EventStamp& stamp) {
  for (size_t i = 0; i < fields_.size(); i++) {
    const bool in_key = std::ranges::find(followed_->key, i) != followed_->key.end();
    if (!in_key) {
      append_null(i);
      continue;
    }
    const auto origin = static_cast<size_t>(origins_[i]);
    const Value& value = old_row[origin];
    WEIR_TRY(append_value(i, value.is_sent() || instead == nullptr ? value : (*instead)[origin]));
  }
  put_key(key_);
  append_stamp(kDelete, stamp);
  return {};
}

Status ChangeRows::append_row(std::string_view operation, const Tuple& tuple, const Earlier& earlier,
                              EventStamp& stamp) {
  std::vector<size_t> unknown;
  for (size_t i = 0; i < fields_.size(); i++) {
    if (origins_[i] < 0) {
      append_null(i);
      continue;
    }
    const Value& value = tuple[static_cast<size_t>(origins_[i])];
    if (value.form != Value::Form::unchanged) [[likely]] {
      WEIR_TRY(append_value(i, value));
      continue;
    }
    if (earlier.old_row != nullptr) {
      const Value& old_value = (*earlier.old_row)[static_cast<size_t>(origins_[i])];
      if (old_value.form != Value::Form::unchanged) {
        WEIR_TRY(append_value(i, old_value));
        continue;
      }
    }
    if (append_known(i, earlier)) continue;
    append_null(i);
    unknown.push_back(i);
  }
  if (!unknown.empty()) {
    Unknown& added = unknown_[rows_];
    added.columns = std::move(unknown);
    // Of this event alone: a change of key before it may be in a snapshot that this one is not in.
    added.moved_from = earlier.moved_from;
  }
  put_key(key_);
  append_stamp(operation, stamp);
  return {};
}

/// Takes a column that an event left as it was from the earlier event of the same row; false when that one does not
/// know it either.
bool ChangeRows::append_known(size_t index, const Earlier& earlier) {
  if (earlier.row == KeyIndex::kNone) return false;
  if (const auto row = unknown_.find(earlier.row); row != unknown_.end()) {
    if (std::ranges::find(row->second.columns, index) != row->second.columns.end()) return false;
  }
  Field& field = fields_[index];
  const uint64_t bytes = field.bytes_of(earlier.row);
  bytes_ += bytes;
  if (field.raw) {
    field.raw->append_again(earlier.row);
  } else {
    field.column.append_from(field.column, earlier.row);
    if (bytes > kLargeBytesMin) field.large.emplace_back(rows_, static_cast<uint32_t>(bytes));
  }
  return true;
}

Status ChangeRows::append_value(size_t index, const Value& value) {
  Field& field = fields_[index];
  bytes_ += static_cast<uint64_t>(value.length) + sizeof value.length;
  if (field.raw) {
    field.raw->append(value);
    return {};
  }
  if (!value.is_sent()) {
    field.column.append_null();
    return {};
  }
  if (value.length > kLargeBytesMin) field.large.emplace_back(rows_, static_cast<uint32_t>(value.length));
  Outcome outcome;
  if (field.is_jsonb && value.form == Value::Form::binary) {
    if (value.length < 1 || *value.data != kJsonbForm) {
      outcome = {Fault::malformed};
    } else {
      outcome = field.decode(field.column, value.data + 1, value.length - 1);
    }
  } else {
    outcome = field.decode(field.column, value.data, value.length);
  }
  if (outcome) [[likely]]
    return {};
  return fail(describe_fault(outcome, followed_->table->name.to_string(), followed_->table->columns[index]));
}

void ChangeRows::append_null(size_t index) {
  Field& field = fields_[index];
  bytes_ += sizeof(Value::length);
  if (field.raw) {
    field.raw->append_null();
  } else {
    field.column.append_null();
  }
}

/// The row that is being appended is the last one of its key.
void ChangeRows::put_key(std::string_view key) {
  const int64_t earlier = index_.put(key, rows_);
  if (earlier != KeyIndex::kNone) last_[static_cast<size_t>(earlier)] = false;
  last_.push_back(true);
}

void ChangeRows::append_stamp(std::string_view operation, EventStamp& stamp) {
  operation_.append_bytes(operation.data(), operation.size());
  const std::string_view lsn = stamp.take();
  lsn_.append_bytes(lsn.data(), lsn.size());
  committed_at_.append(stamp.committed_at);
  rows_++;
}

Status ChangeRows::cast_column(size_t index, TextCasts& casts) {
  Field& field = fields_[index];
  const plan::Column& column = followed_->table->columns[index];
  const CastValues values = WEIR_TRY(casts.cast(followed_->source.columns[index].type_oid, column, *field.raw));
  for (const auto& value : values) {
    if (!value) {
      field.column.append_null();
    } else if (Outcome outcome = field.decode(field.column, value->data(), static_cast<int32_t>(value->size()));
               !outcome) {
      return fail(describe_fault(outcome, followed_->table->name.to_string(), column));
    }
  }
  field.raw.reset();
  return {};
}

batch::OwnedArray ChangeRows::take_last() {
  ColumnBuilder column = ColumnBuilder::bits();
  for (const bool last : last_) column.append_bit(last);
  return column.finish();
}

batch::OwnedArray ChangeRows::take_unchanged() {
  ColumnBuilder column = ColumnBuilder::list(ColumnBuilder::bytes());
  auto next = unknown_.begin();
  for (int64_t row = 0; row < rows_; row++) {
    if (next == unknown_.end() || next->first != row) {
      column.append_null();
      continue;
    }
    for (const size_t index : next->second.columns) {
      const std::string& name = followed_->table->columns[index].name;
      column.child().append_bytes(name.data(), name.size());
    }
    column.end_list();
    ++next;
  }
  return column.finish();
}

/// The keys of the deletes that the moved rows came with. Before the columns are finished.
batch::OwnedArray ChangeRows::take_moved_from() {
  std::vector<bool> valid(static_cast<size_t>(rows_), false);
  for (const auto& [row, unknown] : unknown_) {
    valid[static_cast<size_t>(row)] = unknown.moved_from != KeyIndex::kNone;
  }
  std::vector<batch::OwnedArray> children;
  for (const size_t index : followed_->key) {
    ColumnBuilder key = make_column_builder(followed_->table->columns[index].type);
    for (int64_t row = 0; row < rows_; row++) {
      if (valid[static_cast<size_t>(row)]) {
        key.append_from(fields_[index].column, unknown_.at(row).moved_from);
      } else {
        key.append_null();
      }
    }
    children.push_back(key.finish());
  }
  return batch::make_struct(std::move(children), valid);
}

Result<connector::RowChanges> ChangeRows::take(TextCasts& casts) {
  for (size_t i = 0; i < fields_.size(); i++) {
    if (fields_[i].raw) WEIR_TRY(cast_column(i, casts));
  }
  connector::RowChanges changes;
  changes.table = followed_->table;
  changes.schema = connector::row_changes_schema(*followed_->table);
  changes.count = rows_;
  std::vector<batch::OwnedArray> columns;
  batch::OwnedArray moved_from = take_moved_from();
  for (Field& field : fields_) columns.push_back(field.column.finish());
  columns.push_back(operation_.finish());
  columns.push_back(lsn_.finish());
  columns.push_back(committed_at_.finish());
  columns.push_back(take_last());
  columns.push_back(take_unchanged());
  columns.push_back(std::move(moved_from));
  changes.rows = batch::make_struct(std::move(columns), rows_);
  return changes;
}

}  // namespace weir::postgres
