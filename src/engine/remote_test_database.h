/// A DuckDB with federation and one or more test sources, for tests.
#pragma once

#include <algorithm>
#include <mutex>

#include <duckdb.hpp>
#include <gtest/gtest.h>

#include "engine/query_context.h"
#include "engine/remote_catalog.h"
#include "engine/remote_test_source.h"

namespace weir::engine::testing {

/// Everything is trusted, as far as kinds go.
inline plan::Capabilities trusting_capabilities() {
  using plan::Kind;
  using plan::Operation;
  static const std::vector<plan::Rule> kRules = [] {
    std::vector<plan::Rule> rules;
    for (const auto kind : {Kind::boolean, Kind::int16, Kind::int32, Kind::int64, Kind::uint32, Kind::decimal,
                            Kind::float64, Kind::text, Kind::date, Kind::timestamp, Kind::uuid}) {
      for (const auto operation : {Operation::equality, Operation::ordering, Operation::null_test}) {
        rules.push_back({kind, operation});
      }
    }
    rules.push_back({Kind::text, Operation::pattern});
    return rules;
  }();
  return {.rules = kRules, .limit = true, .in_list_length_max = 100, .text_is_utf8 = true};
}

inline plan::Column column(std::string name, plan::Type type) {
  const bool text = type.kind == plan::Kind::text;
  return {.name = std::move(name),
          .type = std::move(type),
          .collation = text ? plan::Collation::deterministic : plan::Collation::not_text,
          .nullable = true,
          .source_type = "test",
          .cast_to_text = false};
}

struct Answer {
  std::vector<std::string> rows;  ///< values joined by |
  std::string error;
};

class TestDatabase {
 public:
  explicit TestDatabase(int threads = 2) {
    duckdb::DBConfig config;
    config.options.maximum_threads = static_cast<duckdb::idx_t>(threads);
    database_ = std::make_unique<duckdb::DuckDB>(nullptr, &config);
    ConnectorDesk desk{.may_read_live = [this](const std::string& name) { return may_read(name); },
                       .record_scan =
                           [this](const std::string& name, const connector::ReadStats& stats, const Error* error) {
                             const std::lock_guard lock(mutex_);
                             reports_.push_back(name + " " + (error ? std::string(describe(error->code).name) : "ok") +
                                                " " + std::to_string(stats.rows));
                           }};
    register_federation(instance(), std::move(desk), EngineOptions{});
  }

  duckdb::DatabaseInstance& instance() { return *database_->instance; }

  std::shared_ptr<TestSource> attach(const std::string& name,
                                     plan::Capabilities capabilities = trusting_capabilities()) {
    auto source = std::make_shared<TestSource>(capabilities);
    connector::Spec spec;
    spec.id = "id of " + name;
    spec.name = name;
    const auto status = attach_connector(instance(), spec, source);
    EXPECT_TRUE(status) << status.error().to_string();
    return source;
  }
  void pause(const std::string& name) {
    const std::lock_guard lock(mutex_);
    paused_.push_back(name);
  }
  std::vector<std::string> reports() const {
    const std::lock_guard lock(mutex_);
    return reports_;
  }

 private:
  Status may_read(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (std::ranges::find(paused_, name) == paused_.end()) return {};
    return fail(ErrorCode::source_disabled, "connector is paused: " + name);
  }

  mutable std::mutex mutex_;
  std::vector<std::string> paused_;
  std::vector<std::string> reports_;
  std::unique_ptr<duckdb::DuckDB> database_;
};

/// A connection with a query context.
class TestSession {
 public:
  explicit TestSession(TestDatabase& database)
      : connection(database.instance()), query(QueryContext::install(*connection.context, Principal{})) {}

  Answer run(const std::string& sql) {
    query->forget();
    return read(*connection.Query(sql));
  }
  static Answer read(duckdb::QueryResult& result) {
    Answer answer;
    if (result.HasError()) {
      answer.error = result.GetError();
      return answer;
    }
    while (auto chunk = result.Fetch()) {
      for (duckdb::idx_t row = 0; row < chunk->size(); ++row) {
        std::string line;
        for (duckdb::idx_t i = 0; i < chunk->ColumnCount(); ++i) {
          line += (i == 0 ? "" : "|") + chunk->GetValue(i, row).ToString();
        }
        answer.rows.push_back(std::move(line));
      }
    }
    if (result.HasError()) answer.error = result.GetError();
    return answer;
  }
  /// The plan as EXPLAIN draws it.
  std::string explain(const std::string& sql) {
    auto result = connection.Query("EXPLAIN " + sql);
    return result->HasError() ? result->GetError() : result->GetValue(1, 0).ToString();
  }

  duckdb::Connection connection;
  duckdb::shared_ptr<QueryContext> query;
};

/// public.users(id int64 key, name text, age int32, total decimal(12,2), active boolean, email citext-like, doc json).
inline TestTable users_table(int64_t rows) {
  using plan::Kind;
  connector::TableInfo info;
  info.name = {"public", "users"};
  info.columns = {column("id", {Kind::int64, 0, 0, {}}),       column("name", {Kind::text, 0, 0, {}}),
                  column("age", {Kind::int32, 0, 0, {}}),      column("total", {Kind::decimal, 12, 2, {}}),
                  column("active", {Kind::boolean, 0, 0, {}}), column("email", {Kind::text, 0, 0, {}}),
                  column("born", {Kind::date, 0, 0, {}}),      column("doc", {Kind::json, 0, 0, {}})};
  info.columns[0].nullable = false;
  info.columns[5].collation = plan::Collation::nondeterministic;
  info.columns[5].source_type = "citext";
  info.primary_key = {"id"};
  info.estimated_rows = 1000;
  return {std::move(info), [rows](TestStream& stream, const std::stop_token&) {
            arrow::Int64Builder id;
            arrow::StringBuilder name, email, doc;
            arrow::Int32Builder age;
            arrow::Decimal128Builder total(arrow::decimal128(12, 2));
            arrow::BooleanBuilder active;
            arrow::Date32Builder born;
            for (int64_t i = 0; i < rows; ++i) {
              check(id.Append(i));
              check(name.Append("name " + std::to_string(i)));
              check(age.Append(static_cast<int32_t>(i % 90)));
              check(total.Append(arrow::Decimal128(i * 100 + 5)));
              check(active.Append(i % 2 == 0));
              check(email.Append(std::to_string(i) + "@example.org"));
              check(born.Append(static_cast<int32_t>(i)));
              check(doc.Append("{\"n\": " + std::to_string(i) + "}"));
            }
            auto schema =
                arrow::schema({arrow::field("id", arrow::int64()), arrow::field("name", arrow::utf8()),
                               arrow::field("age", arrow::int32()), arrow::field("total", arrow::decimal128(12, 2)),
                               arrow::field("active", arrow::boolean()), arrow::field("email", arrow::utf8()),
                               arrow::field("born", arrow::date32()), arrow::field("doc", arrow::utf8())});
            arrow::ArrayVector columns;
            for (arrow::ArrayBuilder* builder :
                 std::initializer_list<arrow::ArrayBuilder*>{&id, &name, &age, &total, &active, &email, &born, &doc}) {
              columns.push_back(builder->Finish().ValueOrDie());
            }
            if (rows > 0) stream.give(arrow::RecordBatch::Make(schema, rows, columns));
            stream.end();
          }};
}

/// public.numbers(n int64): 0, 1, … in batches of `batch_rows`, given one by one as they are taken.
inline TestTable numbers_table(int64_t rows, int64_t batch_rows) {
  connector::TableInfo info;
  info.name = {"public", "numbers"};
  info.columns = {column("n", {plan::Kind::int64, 0, 0, {}})};
  info.estimated_rows = static_cast<uint64_t>(rows);
  return {std::move(info), [=](TestStream& stream, const std::stop_token& stop) {
            const auto schema = arrow::schema({arrow::field("n", arrow::int64())});
            for (int64_t at = 0; at < rows && !stop.stop_requested(); at += batch_rows) {
              arrow::Int64Builder builder;
              for (int64_t i = at; i < std::min(rows, at + batch_rows); ++i) check(builder.Append(i));
              const auto array = builder.Finish().ValueOrDie();
              stream.give(arrow::RecordBatch::Make(schema, array->length(), {array}));
              stream.wait_until_taken(stop);
            }
            stream.end();
          }};
}

}  // namespace weir::engine::testing
