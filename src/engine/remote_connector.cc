#include "engine/remote_connector.h"

#include <duckdb/main/config.hpp>

#include "engine/query_context.h"

namespace weir::engine {

Federation::Federation(ConnectorDesk desk, const EngineOptions& options)
    : desk_(std::move(desk)),
      read_options_{.streams_max = options.scan_streams_max, .queue_bytes_max = options.scan_queue_bytes} {}

Federation& Federation::of(duckdb::DatabaseInstance& database) {
  auto extension = duckdb::StorageExtension::Find(duckdb::DBConfig::GetConfig(database), kCatalogType);
  if (!extension) throw duckdb::InternalException("federation is not registered with this database");
  return static_cast<Federation&>(*extension->storage_info);
}

Federation& Federation::of(duckdb::ClientContext& client) { return of(duckdb::DatabaseInstance::GetDatabase(client)); }

void Federation::offer(std::shared_ptr<const RemoteConnector> connector) {
  const std::lock_guard lock(mutex_);
  auto name = connector->name;
  offers_[name] = std::move(connector);
}

std::shared_ptr<const RemoteConnector> Federation::take_offer(const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto offer = offers_.extract(name);
  return offer ? std::move(offer.mapped()) : nullptr;
}

std::shared_ptr<const BoundTable> Federation::keep(BoundTable table) {
  const std::lock_guard lock(mutex_);
  table.id = ++last_bound_id_;
  auto kept = std::make_shared<const BoundTable>(std::move(table));
  bound_[kept->id] = kept;
  if (bound_.size() > tidy_at_) {
    std::erase_if(bound_, [](const auto& entry) { return entry.second.expired(); });
    tidy_at_ = 2 * bound_.size() + 64;
  }
  return kept;
}

std::shared_ptr<const BoundTable> Federation::find(uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = bound_.find(id);
  return found == bound_.end() ? nullptr : found->second.lock();
}

void throw_error(duckdb::ClientContext& client, Error error) {
  const auto text = error.to_string();
  const auto kind = error.kind();
  if (auto query = QueryContext::of(client)) query->fail(std::move(error));
  switch (kind) {
    case ErrorKind::cancelled:
      throw duckdb::InterruptException();
    case ErrorKind::not_found:
      throw duckdb::Exception(duckdb::ExceptionType::CATALOG, text);
    case ErrorKind::permission_denied:
      throw duckdb::Exception(duckdb::ExceptionType::PERMISSION, text);
    case ErrorKind::invalid_input:
      throw duckdb::Exception(duckdb::ExceptionType::INVALID_INPUT, text);
    default:
      throw duckdb::Exception(duckdb::ExceptionType::IO, text);
  }
}

}  // namespace weir::engine
