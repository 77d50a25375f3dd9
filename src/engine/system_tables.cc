/// Tables about Weir itself: one table function for each, and a view that gives it its name.
#include "engine/system_tables.h"

#include <algorithm>
#include <array>

#include <duckdb/catalog/catalog.hpp>
#include <duckdb/function/table_function.hpp>
#include <duckdb/main/extension/extension_loader.hpp>
#include <duckdb/parser/parsed_data/create_table_function_info.hpp>
#include <duckdb/parser/parsed_data/create_view_info.hpp>
#include <nlohmann/json.hpp>

#include "engine/query_context.h"

namespace weir::engine {
namespace {

using duckdb::LogicalType;
using duckdb::Value;
using Row = std::vector<Value>;
using Rows = std::vector<Row>;

struct Field {
  const char* name;
  LogicalType type;
};

/// What a table function of ours knows: its columns, and how to get its rows for somebody.
struct RowSource final : duckdb::TableFunctionInfo {
  std::vector<Field> fields;
  std::function<Rows(const Principal&)> rows;
};

Value text(const std::string& value) { return Value(value); }
Value text_or_null(const std::string& value) { return value.empty() ? Value() : Value(value); }
Value number_or_null(const std::optional<double>& value) { return value ? Value::DOUBLE(*value) : Value(); }

Value time_value(std::chrono::system_clock::time_point at) {
  return Value::TIMESTAMPTZ(
      duckdb::timestamp_tz_t(std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count()));
}

/// An ISO 8601 text, or null.
Value time_value(const std::string& iso) {
  return iso.empty() ? Value() : Value(iso).DefaultCastAs(LogicalType::TIMESTAMP_TZ);
}

/// The columns of seed 000, in its order, and `source_table`.
std::vector<Field> health_fields() {
  return {{"connector_id", LogicalType::VARCHAR},
          {"connector_name", LogicalType::VARCHAR},
          {"type", LogicalType::VARCHAR},
          {"mode", LogicalType::VARCHAR},
          {"phase", LogicalType::VARCHAR},
          {"lag_seconds", LogicalType::DOUBLE},
          {"events_per_sec", LogicalType::DOUBLE},
          {"pool_in_use", LogicalType::INTEGER},
          {"pool_max", LogicalType::INTEGER},
          {"last_error", LogicalType::VARCHAR},
          {"last_event_at", LogicalType::TIMESTAMP_TZ},
          {"timestamp", LogicalType::TIMESTAMP_TZ},
          {"source_table", LogicalType::VARCHAR}};
}

Rows health_rows(const std::vector<connector::Health>& health, const Principal& principal) {
  Rows rows;
  Value now = time_value(std::chrono::system_clock::now());
  for (const auto& line : health) {
    if (!principal.may_see(line.connector_name)) continue;
    rows.push_back({text(line.connector_id), text(line.connector_name), text(line.type), text(line.mode),
                    text(line.phase), number_or_null(line.lag_seconds), number_or_null(line.events_per_sec),
                    Value::INTEGER(line.pool_in_use), Value::INTEGER(line.pool_max), text_or_null(line.last_error),
                    line.last_event_at ? time_value(*line.last_event_at) : Value(), now,
                    text_or_null(line.source_table)});
  }
  return rows;
}

std::vector<Field> connector_fields() {
  return {{"id", LogicalType::VARCHAR},
          {"name", LogicalType::VARCHAR},
          {"type", LogicalType::VARCHAR},
          {"mode", LogicalType::VARCHAR},
          {"created_at", LogicalType::TIMESTAMP_TZ}};
}

Rows connector_rows(const nlohmann::json& list, const Principal& principal) {
  Rows rows;
  for (const auto& item : list.at("items")) {
    std::string name = item.value("name", "");
    if (!principal.may_see(name)) continue;
    rows.push_back({text(item.value("id", "")), text(name), text(item.value("type", "")), text(item.value("mode", "")),
                    time_value(item.value("created_at", ""))});
  }
  return rows;
}

std::vector<Field> query_fields() {
  return {{"id", LogicalType::VARCHAR},
          {"text", LogicalType::VARCHAR},
          {"principal", LogicalType::VARCHAR},
          {"state", LogicalType::VARCHAR},
          {"started_at", LogicalType::TIMESTAMP_TZ},
          {"elapsed_ms", LogicalType::DOUBLE},
          {"error_code", LogicalType::VARCHAR},
          {"rows_returned", LogicalType::BIGINT}};
}

Rows query_rows(const std::vector<QueryLine>& lines, const Principal& principal) {
  Rows rows;
  for (const auto& line : lines) {
    if (principal.role != Role::admin && line.principal != principal.name) continue;
    Value count = line.summary.is_object() ? Value::BIGINT(line.summary.value("row_count", int64_t{0})) : Value();
    rows.push_back({text(line.id), text(line.text), text(line.principal), text(line.state), time_value(line.started_at),
                    Value::DOUBLE(line.elapsed_ms), text_or_null(line.error_code), count});
  }
  return rows;
}

struct BoundRows final : duckdb::TableFunctionData {
  duckdb::shared_ptr<RowSource> source;
};

struct RowsState final : duckdb::GlobalTableFunctionState {
  Rows rows;
  size_t next = 0;
};

duckdb::unique_ptr<duckdb::FunctionData> bind_rows(duckdb::ClientContext&, duckdb::TableFunctionBindInput& input,
                                                   duckdb::vector<LogicalType>& types,
                                                   duckdb::vector<std::string>& names) {
  auto bound = duckdb::make_uniq<BoundRows>();
  bound->source = duckdb::shared_ptr_cast<duckdb::TableFunctionInfo, RowSource>(input.table_function.function_info);
  for (const auto& field : bound->source->fields) {
    names.emplace_back(field.name);
    types.push_back(field.type);
  }
  return bound;
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> init_rows(duckdb::ClientContext& client,
                                                               duckdb::TableFunctionInitInput& input) {
  auto state = duckdb::make_uniq<RowsState>();
  auto query = QueryContext::of(client);
  const Principal owner;
  state->rows = input.bind_data->Cast<BoundRows>().source->rows(query ? query->principal() : owner);
  return state;
}

void scan_rows(duckdb::ClientContext&, duckdb::TableFunctionInput& input, duckdb::DataChunk& output) {
  auto& state = input.global_state->Cast<RowsState>();
  size_t count = 0;
  for (; count < STANDARD_VECTOR_SIZE && state.next < state.rows.size(); ++count, ++state.next) {
    const Row& row = state.rows[state.next];
    for (size_t column = 0; column < row.size(); ++column) output.SetValue(column, count, row[column]);
  }
  output.SetCardinality(count);
}

void add_function(duckdb::ExtensionLoader& loader, const char* name, std::vector<Field> fields,
                  std::function<Rows(const Principal&)> rows) {
  duckdb::TableFunction function(name, {}, scan_rows, bind_rows, init_rows);
  auto source = duckdb::make_shared_ptr<RowSource>();
  source->fields = std::move(fields);
  source->rows = std::move(rows);
  function.function_info = std::move(source);
  loader.RegisterFunction(std::move(function));
}

struct NamedView {
  const char* name;
  const char* query;
};

constexpr std::array kViews = {
    NamedView{"kyma_connector_health", "SELECT * FROM kyma_connector_health_rows()"},
    NamedView{"weir_connectors", "SELECT * FROM weir_connector_rows()"},
    NamedView{"weir_queries", "SELECT * FROM weir_query_rows()"},
    NamedView{"weir_snapshots",
              "SELECT snapshot_id, snapshot_time, schema_version, changes FROM ducklake_snapshots('weir')"},
};

void add_view(duckdb::DatabaseInstance& database, const NamedView& view) {
  duckdb::CreateViewInfo info;
  info.schema = DEFAULT_SCHEMA;
  info.view_name = view.name;
  info.query = duckdb::CreateViewInfo::ParseSelect(view.query);
  info.internal = true;
  duckdb::Catalog::GetSystemCatalog(database).CreateView(duckdb::CatalogTransaction::GetSystemTransaction(database),
                                                         info);
}

}  // namespace

void register_system_tables(duckdb::DatabaseInstance& database, SystemTableSources sources) {
  duckdb::ExtensionLoader loader(database, "weir");
  add_function(loader, "kyma_connector_health_rows", health_fields(),
               [health = std::move(sources.health)](const Principal& who) { return health_rows(health(), who); });
  add_function(loader, "weir_connector_rows", connector_fields(),
               [list = std::move(sources.connectors)](const Principal& who) { return connector_rows(list(), who); });
  add_function(loader, "weir_query_rows", query_fields(),
               [queries = std::move(sources.queries)](const Principal& who) { return query_rows(queries(), who); });
  for (const auto& view : kViews) add_view(database, view);
}

}  // namespace weir::engine
