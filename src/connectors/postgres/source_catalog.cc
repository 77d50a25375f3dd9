#include "connectors/postgres/source_catalog.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "connectors/postgres/big_endian.h"
#include "connectors/postgres/type_oids.h"

namespace weir::postgres {
namespace {

using std::chrono::steady_clock;

/// A transaction is visible a moment after its commit was sent.
constexpr auto kVisiblePause = std::chrono::milliseconds(5);
constexpr auto kVisibleMax = std::chrono::seconds(10);

template <typename Number>
Number number_at(const pg_result* result, int row, int column) {
  Number number{};
  const std::string text = text_at(result, row, column);
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// Of one statement.
constexpr size_t kCastTogetherMax = 10'000;
constexpr size_t kCastSinglyMax = 1'000;
constexpr size_t kCastBytesMax = 8u << 20;

/// The binary form of an array of one dimension, with NULL for what is not of `form`.
std::string array_of(uint32_t element_oid, const RawValues& values, RawValues::Form form, size_t from, size_t to) {
  std::string out;
  append_big_endian<int32_t>(out, 1);  // dimensions
  append_big_endian<int32_t>(out, 1);  // there may be NULLs
  append_big_endian<uint32_t>(out, element_oid);
  append_big_endian<int32_t>(out, static_cast<int32_t>(to - from));
  append_big_endian<int32_t>(out, 1);  // the first subscript
  for (size_t i = from; i < to; i++) {
    if (values.form(i) != form) {
      append_big_endian<int32_t>(out, -1);
      continue;
    }
    const std::string_view bytes = values.bytes(i);
    append_big_endian<int32_t>(out, static_cast<int32_t>(bytes.size()));
    out += bytes;
  }
  return out;
}

/// The elements of a text[] in binary form; nothing when it is malformed or has another number of them.
std::optional<CastValues> elements_of(std::string_view array, size_t count) {
  constexpr size_t kHeaderBytes = 20;
  if (array.size() < kHeaderBytes || load_big_endian<uint32_t>(array.data() + 12) != count) return std::nullopt;
  array.remove_prefix(kHeaderBytes);
  CastValues values;
  values.reserve(count);
  for (size_t i = 0; i < count; i++) {
    if (array.size() < sizeof(int32_t)) return std::nullopt;
    const auto length = load_big_endian<int32_t>(array.data());
    array.remove_prefix(sizeof length);
    if (length < 0) {
      values.emplace_back();
      continue;
    }
    if (static_cast<size_t>(length) > array.size()) return std::nullopt;
    values.emplace_back(array.substr(0, static_cast<size_t>(length)));
    array.remove_prefix(static_cast<size_t>(length));
  }
  return values;
}

std::unexpected<Error> malformed_cast() {
  return fail(ErrorCode::internal, "the source's answer to a cast is malformed (protocol error; report it)");
}

/// Where a chunk that begins at `from` ends.
size_t chunk_end(const RawValues& values, size_t from, size_t count_max) {
  size_t bytes = 0, at = from;
  while (at < values.size() && at - from < count_max && (at == from || bytes < kCastBytesMax)) {
    bytes += values.bytes(at++).size();
  }
  return at;
}

bool has_form(const RawValues& values, RawValues::Form form, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) {
    if (values.form(i) == form) return true;
  }
  return false;
}

}  // namespace

Result<const Connection*> SourceCatalog::connection() {
  if (connection_ != nullptr && (!connection_->is_clean() || connection_->is_stale())) connection_.reset();
  if (connection_ == nullptr) {
    connection_ = WEIR_TRY(context_->open(waiter_, steady_clock::now() + context_->options.connect_timeout));
  }
  return connection_.get();
}

template <typename Work>
auto SourceCatalog::with_connection(const Work& work) -> decltype(work(std::declval<Connection&>())) {
  const bool is_reused = connection_ != nullptr;
  WEIR_TRY(connection());
  auto done = work(*connection_);
  if (done || !is_reused || done.error().code != ErrorCode::source_connection_lost) return done;
  connection_.reset();
  WEIR_TRY(connection());
  return work(*connection_);
}

Result<std::vector<ResultHandle>> SourceCatalog::run(const std::string& text) {
  return with_connection(
      [&](Connection& connection) { return connection.run(text, waiter_, steady_clock::now() + statement_max_); });
}

Result<std::vector<TableFacts>> SourceCatalog::tables(const std::vector<plan::TableName>& names) {
  return with_connection([&](Connection& connection) {
    return read_table_facts(connection, {.names = names, .oid = 0, .publication = context_->slot},
                            context_->options.types, waiter_, steady_clock::now() + statement_max_);
  });
}

/// The results of `text`, from after transaction `xid` has become visible.
Result<std::vector<ResultHandle>> SourceCatalog::run_when_visible(uint32_t xid, const std::string& text) {
  // A transaction holds the lock on its number until others see it.
  const std::string running =
      fmt::format("SELECT 1 FROM pg_locks WHERE locktype = 'transactionid' AND transactionid::text = '{}'; ", xid);
  const auto give_up = steady_clock::now() + kVisibleMax;
  for (;;) {
    auto results = WEIR_TRY(run(running + text));
    if (PQntuples(results.at(0).get()) == 0) return results;
    if (steady_clock::now() >= give_up) {
      return fail(ErrorCode::timeout,
                  fmt::format("a transaction that the source has sent is not visible there yet: {}", xid),
                  "let it not wait for a standby: weir must not be named in synchronous_standby_names");
    }
    if (waiter_.pause(kVisiblePause) == Waiter::Outcome::stopped) {
      return fail(ErrorCode::cancelled, "the stream was cancelled");
    }
  }
}

Result<ColumnNumbers> SourceCatalog::column_numbers(uint32_t oid, uint32_t xid) {
  const auto results = WEIR_TRY(run_when_visible(
      xid, fmt::format("SELECT attname, attnum, coalesce(pg_relation_filenode(attrelid), 0) FROM pg_attribute "
                       "WHERE attrelid = {} AND attnum > 0 AND NOT attisdropped",
                       oid)));
  ColumnNumbers numbers;
  const pg_result* rows = results.at(1).get();
  for (int row = 0; row < PQntuples(rows); row++) {
    numbers.numbers[text_at(rows, row, 0)] = number_at<int16_t>(rows, row, 1);
    numbers.storage = number_at<uint32_t>(rows, row, 2);
  }
  return numbers;
}

Result<std::optional<TableFacts>> SourceCatalog::table(uint32_t oid, uint32_t xid) {
  WEIR_TRY(run_when_visible(xid, ""));
  auto found = WEIR_TRY(with_connection([&](Connection& connection) {
    return read_table_facts(connection, {.names = {}, .oid = oid, .publication = context_->slot},
                            context_->options.types, waiter_, steady_clock::now() + statement_max_);
  }));
  if (found.empty()) return std::nullopt;
  WEIR_TRY(cast_missing_values(found.front()));
  return std::move(found.front());
}

/// The catalogs show them as the type's output does, which is not always what a cast to text gives (inet).
Status SourceCatalog::cast_missing_values(TableFacts& facts) {
  std::string text = "SELECT ";
  std::vector<AttributeFacts*> cast;
  for (AttributeFacts& attribute : facts.attributes) {
    if (!attribute.missing_value || !attribute.column.cast_to_text) continue;
    const bool is_list = attribute.column.type.kind == plan::Kind::list;
    text += fmt::format("{}{}::{}{}::text", cast.empty() ? "" : ", ", quote_literal(*attribute.missing_value),
                        attribute.column.source_type, is_list ? "::text[]" : "");
    cast.push_back(&attribute);
  }
  if (cast.empty()) return {};
  const auto results = WEIR_TRY(run(text));
  for (size_t i = 0; i < cast.size(); i++) {
    cast[i]->missing_value = text_at(results.at(0).get(), 0, static_cast<int>(i));
  }
  return {};
}

Result<SourceCatalog::CastType> SourceCatalog::cast_type(uint32_t type_oid) {
  if (const auto known = cast_types_.find(type_oid); known != cast_types_.end()) return known->second;
  const auto results =
      WEIR_TRY(run(fmt::format("WITH RECURSIVE bases AS (SELECT * FROM pg_type WHERE oid = {} UNION ALL "
                               "SELECT t.* FROM bases b JOIN pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd') "
                               "SELECT oid, typarray, format_type(oid, NULL) FROM bases WHERE typtype <> 'd'",
                               type_oid)));
  const pg_result* row = results.at(0).get();
  if (PQntuples(row) == 0) {
    return fail(ErrorCode::schema_drift, "a type is gone on the source: oid " + std::to_string(type_oid));
  }
  return cast_types_[type_oid] = {number_at<uint32_t>(row, 0, 0), number_at<uint32_t>(row, 0, 1), text_at(row, 0, 2)};
}

Result<CastValues> SourceCatalog::cast(uint32_t type_oid, const plan::Column& column, const RawValues& values) {
  const CastType type = WEIR_TRY(cast_type(type_oid));
  const bool is_list = column.type.kind == plan::Kind::list;
  const bool together = !is_list && type.array_oid != 0;
  CastValues out;
  out.reserve(values.size());
  for (size_t from = 0; from < values.size();) {
    const size_t to = chunk_end(values, from, together ? kCastTogetherMax : kCastSinglyMax);
    if (!together) {
      WEIR_TRY(cast_singly(type, values, is_list ? "text[]" : "text", from, to, out));
    } else {
      // All of a column come in the same form; a type that got a send function in between has both.
      const bool as_text = has_form(values, RawValues::Form::text, from, to);
      if (as_text && has_form(values, RawValues::Form::binary, from, to)) {
        WEIR_TRY(cast_singly(type, values, "text", from, to, out));
      } else {
        WEIR_TRY(cast_together(type, values, as_text, from, to, out));
      }
    }
    from = to;
  }
  return out;
}

/// As an array, which comes back as an array of texts.
Status SourceCatalog::cast_together(const CastType& type, const RawValues& values, bool as_text, size_t from, size_t to,
                                    CastValues& out) {
  const auto form = as_text ? RawValues::Form::text : RawValues::Form::binary;
  const uint32_t element = as_text ? oid::kText : type.oid;
  Statement statement;
  // In the SELECT list unnest leaves a composite value whole, and both functions go in step.
  statement.text = fmt::format(
      "SELECT array_agg(v{}::text ORDER BY i) FROM (SELECT unnest($1) AS v, generate_series(1, {}) AS i) AS t",
      as_text ? "::" + type.name : "", to - from);
  statement.params.push_back({.type_oid = as_text ? oid::kTextArray : type.array_oid,
                              .text = array_of(element, values, form, from, to),
                              .is_null = false,
                              .is_binary = true});
  const auto results = WEIR_TRY(with_connection([&](Connection& connection) {
    return connection.run(statement, waiter_, steady_clock::now() + statement_max_);
  }));
  if (PQntuples(results.at(0).get()) != 1) return malformed_cast();
  auto cast = elements_of(
      {PQgetvalue(results.at(0).get(), 0, 0), static_cast<size_t>(PQgetlength(results.at(0).get(), 0, 0))}, to - from);
  if (!cast) return malformed_cast();
  std::ranges::move(*cast, std::back_inserter(out));
  return {};
}

/// One parameter and one column of the answer for each value: for arrays, which do not go into arrays.
Status SourceCatalog::cast_singly(const CastType& type, const RawValues& values, std::string_view target, size_t from,
                                  size_t to, CastValues& out) {
  Statement statement{"SELECT ", {}};
  for (size_t i = from; i < to; i++) {
    const bool as_text = values.form(i) == RawValues::Form::text;
    const bool is_null = values.form(i) == RawValues::Form::null;
    statement.text +=
        fmt::format("{}${}{}::{}", i == from ? "" : ", ", i - from + 1, as_text ? "::" + type.name : "", target);
    statement.params.push_back({.type_oid = as_text ? oid::kText : type.oid,
                                .text = std::string(values.bytes(i)),
                                .is_null = is_null,
                                .is_binary = !as_text});
  }
  const auto results = WEIR_TRY(with_connection([&](Connection& connection) {
    return connection.run(statement, waiter_, steady_clock::now() + statement_max_);
  }));
  const pg_result* row = results.at(0).get();
  if (PQntuples(row) != 1 || PQnfields(row) != static_cast<int>(to - from)) return malformed_cast();
  for (int column = 0; column < PQnfields(row); column++) {
    if (PQgetisnull(row, 0, column) != 0) {
      out.emplace_back();
    } else {
      out.emplace_back(text_at(row, 0, column));
    }
  }
  return {};
}

}  // namespace weir::postgres
