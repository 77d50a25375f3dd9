#include "engine/snapshot_scan.h"

#include <duckdb/main/attached_database.hpp>
#include <duckdb/main/database_manager.hpp>

#include "engine/remote_connector.h"
#include "engine/remote_relation.h"
#include "engine/remote_schema.h"
#include "engine/remote_transaction.h"

namespace weir::engine {
namespace {

duckdb::unique_ptr<duckdb::FunctionData> bind(duckdb::ClientContext& client, duckdb::TableFunctionBindInput& input,
                                              duckdb::vector<duckdb::LogicalType>& types,
                                              duckdb::vector<duckdb::string>& names) {
  const auto connector = input.inputs[0].ToString();
  auto database = duckdb::DatabaseManager::Get(client).GetDatabase(client, connector);
  if (!database || database->GetCatalog().GetCatalogType() != kCatalogType) {
    throw_error(client, Error{ErrorCode::connector_not_found, "no connector " + connector + " for a snapshot", {}, {}});
  }
  auto& transaction = RemoteTransaction::of(client, database->GetCatalog());
  auto& table = transaction.snapshot_table(client, {input.inputs[1].ToString(), input.inputs[2].ToString()});
  duckdb::unique_ptr<duckdb::FunctionData> relation;
  table.GetScanFunction(client, relation);
  BoundTable bound = *relation->Cast<RemoteRelation>().table;
  bound.snapshot = input.inputs[3].ToString();
  for (const auto& column : table.GetColumns().Logical()) {
    types.push_back(column.Type());
    names.push_back(column.Name());
  }
  return duckdb::make_uniq<RemoteRelation>(Federation::of(client).keep(std::move(bound)));
}

}  // namespace

duckdb::TableFunction snapshot_function() {
  auto function = remote_scan_function();
  const auto text = duckdb::LogicalType::VARCHAR;
  function.name = kSnapshotFunction;
  function.arguments = {text, text, text, text};
  function.bind = bind;
  return function;
}

}  // namespace weir::engine
