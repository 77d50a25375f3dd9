#include "engine/remote_transaction.h"

#include <algorithm>

#include <duckdb/catalog/catalog_search_path.hpp>
#include <duckdb/catalog/default/default_schemas.hpp>
#include <duckdb/main/client_data.hpp>
#include <duckdb/parser/parsed_data/create_view_info.hpp>

#include "base/nearest.h"
#include "engine/live.h"
#include "engine/query_context.h"

namespace weir::engine {
namespace {

/// How long a listing leaves out a source that has just failed.
constexpr std::chrono::seconds kFailureKept{10};

}  // namespace

Result<GenerationPtr> SchemaCache::get(Federation& federation, bool refresh) {
  WEIR_TRY(federation.desk().may_read_live(connector_->name));
  return read(refresh);
}

Result<GenerationPtr> SchemaCache::read(bool refresh) {
  auto schema = connector_->source->schema(refresh);
  const std::lock_guard lock(mutex_);
  if (!schema) {
    if (schema.error().source.empty()) schema.error().source = connector_->name;
    failure_ = Failure{schema.error(), std::chrono::steady_clock::now()};
    return fail(std::move(schema.error()));
  }
  failure_.reset();
  if (!newest_ || newest_->source_schema() != *schema) {
    newest_ = std::make_shared<const SchemaGeneration>(catalog_, connector_, std::move(*schema));
    ++version_;
  }
  return newest_;
}

Result<GenerationPtr> SchemaCache::get_for_listing(Federation& federation) {
  {
    const std::lock_guard lock(mutex_);
    if (failure_ && std::chrono::steady_clock::now() - failure_->at < kFailureKept) return fail(failure_->error);
  }
  return get(federation, false);
}

uint64_t SchemaCache::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

RemoteTransaction& RemoteTransaction::of(duckdb::ClientContext& client, duckdb::Catalog& catalog) {
  return Transaction::Get(client, catalog).Cast<RemoteTransaction>();
}

RemoteTransaction& RemoteTransaction::of(duckdb::CatalogTransaction& transaction) {
  if (!transaction.transaction) throw duckdb::InternalException("a remote table was asked for outside a transaction");
  return transaction.transaction->Cast<RemoteTransaction>();
}

GenerationPtr RemoteTransaction::pin(GenerationPtr generation) {
  const std::lock_guard lock(mutex_);
  std::erase(pinned_, generation);
  pinned_.push_back(std::move(generation));
  return pinned_.back();
}

GenerationPtr RemoteTransaction::current(duckdb::ClientContext& client) {
  {
    const std::lock_guard lock(mutex_);
    if (!pinned_.empty()) return pinned_.back();
  }
  auto generation = cache_.get(Federation::of(client), false);
  if (!generation) throw_error(client, std::move(generation.error()));
  return pin(std::move(*generation));
}

GenerationPtr RemoteTransaction::refreshed(duckdb::ClientContext& client) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(refreshed_, true)) return pinned_.back();
  }
  auto generation = cache_.get(Federation::of(client), true);
  if (!generation) throw_error(client, std::move(generation.error()));
  return pin(std::move(*generation));
}

/// DuckDB also asks for names that it is about to create or that may be found further down its search path. A reference
/// in a statement has a place in its text.
bool RemoteTransaction::must_exist(duckdb::ClientContext& client, const duckdb::EntryLookupInfo& lookup) const {
  if (!lookup.GetErrorContext().query_location.IsValid()) return false;
  const auto& connector = cache_.connector().name;
  return std::ranges::none_of(duckdb::ClientData::Get(client).catalog_search_path->Get(), [&](const auto& entry) {
    return duckdb::StringUtil::CIEquals(entry.catalog, connector);
  });
}

std::optional<std::string> RemoteTransaction::copied_schema(duckdb::ClientContext& client, const std::string& schema) {
  const auto& desk = Federation::of(client).desk();
  if (!desk.copies) return {};
  std::optional<std::string> found;
  for (const auto& table : desk.copies(cache_.connector().name)) {
    if (table.schema == schema) return schema;
    if (duckdb::StringUtil::CIEquals(table.schema, schema)) found = table.schema;
  }
  // A source that does not answer has no other one.
  if (!found) return {};
  const auto known = cache_.read(false);
  return known && (*known)->schemas().contains(schema) ? std::nullopt : found;
}

std::optional<plan::TableName> RemoteTransaction::copied_table(duckdb::ClientContext& client, const std::string& schema,
                                                               const std::string& table) {
  const auto& desk = Federation::of(client).desk();
  if (!desk.copies) return {};
  std::optional<plan::TableName> found;
  for (auto& copy : desk.copies(cache_.connector().name)) {
    if (copy.schema != schema || !duckdb::StringUtil::CIEquals(copy.table, table)) continue;
    if (copy.table == table) return copy;
    found = std::move(copy);
  }
  if (!found) return {};
  const auto known = cache_.read(false);
  if (!known) return found;
  const auto* there = (*known)->find(schema);
  const auto names = there != nullptr ? there->table_names() : std::vector<std::string>();
  return std::ranges::find(names, table) != names.end() ? std::nullopt : found;
}

RemoteSchema* RemoteTransaction::schema(duckdb::ClientContext& client, const duckdb::EntryLookupInfo& lookup) {
  const auto& name = lookup.GetEntryName();
  // A copy can be read while the source is down, so its schema is known without asking.
  if (const auto copied = copied_schema(client, name)) {
    const std::lock_guard lock(mutex_);
    auto& slot = copy_schemas_[*copied];
    if (!slot) {
      duckdb::CreateSchemaInfo info;
      info.schema = *copied;
      slot = std::make_unique<RemoteSchema>(cache_.catalog(), info, cache_.connector_pointer(),
                                            std::vector<const connector::TableInfo*>());
    }
    return slot.get();
  }
  if (auto* schema = current(client)->find(name)) return schema;
  // DuckDB looks for its own schemas in every catalog.
  if (duckdb::DefaultSchemaGenerator::IsDefaultSchema(name)) return nullptr;
  const auto newest = refreshed(client);
  if (auto* schema = newest->find(name)) return schema;
  if (!must_exist(client, lookup)) return nullptr;
  std::vector<std::string> names;
  for (const auto& [known, schema] : newest->schemas()) names.push_back(known);
  const auto& connector = cache_.connector().name;
  throw_error(
      client,
      Error{ErrorCode::schema_not_found, "no schema " + name + " in " + connector, did_you_mean(name, names), {}});
}

duckdb::CatalogEntry* RemoteTransaction::table(duckdb::ClientContext& client, RemoteSchema& schema,
                                               const duckdb::EntryLookupInfo& lookup) {
  const auto& name = lookup.GetEntryName();
  if (name.starts_with(kLiveMark)) return live_table(client, schema.name, lookup, name.substr(kLiveMark.size()));
  const auto copied = copied_table(client, schema.name, name);
  const auto asked = copied.value_or(plan::TableName{schema.name, name});
  const auto& desk = Federation::of(client).desk();
  const bool known_live = [&] {
    const std::lock_guard lock(mutex_);
    return live_.contains(asked);
  }();
  if (desk.served && !known_live) {
    auto served = desk.served(cache_.connector().name, asked);
    if (served.refused && (copied || must_exist(client, lookup))) throw_error(client, std::move(*served.refused));
    if (served.copy) return copy(client, schema, asked, served.state);
    const std::lock_guard lock(mutex_);
    live_.insert(asked);
  }
  return live_table(client, schema.name, lookup, name);
}

duckdb::CatalogEntry* RemoteTransaction::copy(duckdb::ClientContext& client, RemoteSchema& schema,
                                              const plan::TableName& table, const connector::CopyState& state) {
  const auto& connector = cache_.connector().name;
  if (auto query = QueryContext::of(client)) query->reads_copy(connector, table, state);
  const std::lock_guard lock(mutex_);
  auto& slot = copies_[table];
  if (!slot) {
    duckdb::CreateViewInfo info(schema, table.table);
    info.query = duckdb::CreateViewInfo::ParseSelect(state.current_sql);
    slot = std::make_unique<duckdb::ViewCatalogEntry>(cache_.catalog(), schema, info);
  }
  return slot.get();
}

RemoteTable& RemoteTransaction::snapshot_table(duckdb::ClientContext& client, const plan::TableName& name) {
  auto generation = cache_.read(true);
  if (!generation) throw_error(client, std::move(generation.error()));
  const auto newest = pin(std::move(*generation));
  auto* schema = newest->find(name.schema);
  auto* table = schema != nullptr ? schema->find(name.table) : nullptr;
  if (table != nullptr) return *table;
  throw_error(
      client,
      Error{ErrorCode::table_not_found, "no table " + name.to_string() + " in " + cache_.connector().name, {}, {}});
}

RemoteTable* RemoteTransaction::live_table(duckdb::ClientContext& client, const std::string& schema_name,
                                           const duckdb::EntryLookupInfo& lookup, const std::string& name) {
  auto* schema = current(client)->find(schema_name);
  if (schema != nullptr) {
    if (auto* table = schema->find(name)) return table;
  }
  auto* newest = refreshed(client)->find(schema_name);
  if (newest != nullptr) {
    if (auto* table = newest->find(name)) return table;
  }
  if (!must_exist(client, lookup)) return nullptr;
  const auto& connector = cache_.connector().name;
  const auto* nearest = newest != nullptr ? newest : schema;
  const auto names = nearest != nullptr ? nearest->table_names() : std::vector<std::string>();
  throw_error(client, Error{ErrorCode::table_not_found,
                            "no table " + schema_name + "." + name + " in " + connector,
                            did_you_mean(name, names),
                            {}});
}

void RemoteTransaction::list(duckdb::ClientContext& client,
                             const std::function<void(duckdb::SchemaCatalogEntry&)>& visit) {
  auto generation = cache_.get_for_listing(Federation::of(client));
  if (!generation) {
    if (auto query = QueryContext::of(client)) {
      query->warn("connector " + cache_.connector().name + " is left out: " + generation.error().to_string());
    }
    return;
  }
  const auto pinned = pin(std::move(*generation));
  for (const auto& [name, schema] : pinned->schemas()) visit(*schema);
}

GenerationPtr RemoteTransaction::generation_of(const RemoteTable& table) const {
  const std::lock_guard lock(mutex_);
  for (const auto& generation : pinned_) {
    for (const auto& [name, schema] : generation->schemas()) {
      if (schema.get() == &table.schema) return generation;
    }
  }
  throw duckdb::InternalException("a remote table is read by a transaction that did not look it up");
}

duckdb::Transaction& RemoteTransactions::StartTransaction(duckdb::ClientContext& client) {
  auto transaction = std::make_unique<RemoteTransaction>(*this, client, cache_);
  auto& started = *transaction;
  const std::lock_guard lock(mutex_);
  running_[&started] = std::move(transaction);
  return started;
}

duckdb::ErrorData RemoteTransactions::CommitTransaction(duckdb::ClientContext&, duckdb::Transaction& transaction) {
  RollbackTransaction(transaction);
  return {};
}

void RemoteTransactions::RollbackTransaction(duckdb::Transaction& transaction) {
  std::unique_ptr<RemoteTransaction> ended;
  const std::lock_guard lock(mutex_);
  auto running = running_.extract(&transaction);
  if (running) ended = std::move(running.mapped());
}

}  // namespace weir::engine
