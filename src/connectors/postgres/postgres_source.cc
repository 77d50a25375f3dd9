#include "connectors/postgres/postgres_source.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "connector/sync_options.h"
#include "connectors/postgres/postgres_changes.h"
#include "connectors/postgres/postgres_stream.h"

namespace weir::postgres {
namespace {

using std::chrono::steady_clock;

/// Introspection reads catalogs only; one that takes longer hangs.
constexpr auto kIntrospectionMax = std::chrono::seconds(60);

class PostgresReadTransaction final : public connector::ReadTransaction {
 public:
  PostgresReadTransaction(std::shared_ptr<const ReadContext> context, int expected_reads)
      : context_(std::move(context)) {
    if (expected_reads > 1) shared_ = std::make_shared<SnapshotTransaction>(context_->pool, /*several_reads=*/true);
  }
  PostgresReadTransaction(std::shared_ptr<const ReadContext> context, std::string snapshot)
      : context_(std::move(context)),
        shared_(std::make_shared<SnapshotTransaction>(context_->pool, std::move(snapshot))) {}

  Result<std::unique_ptr<connector::BatchStream>> read(const plan::Scan& scan,
                                                       const connector::ReadOptions& options) override {
    auto transaction = shared_;
    // What a query reads is examined in the transaction in which it then runs.
    if (transaction == nullptr && (scan.query || !is_small(scan, context_->options))) {
      transaction = std::make_shared<SnapshotTransaction>(context_->pool, /*several_reads=*/false);
    }
    auto stream = std::make_unique<PostgresStream>(context_, std::move(transaction), scan, options);
    WEIR_TRY(stream->start());
    return stream;
  }

 private:
  const std::shared_ptr<const ReadContext> context_;
  std::shared_ptr<SnapshotTransaction> shared_;  // empty: the only read of its query
};

class PostgresSource final : public connector::Source {
 public:
  PostgresSource(std::shared_ptr<const ReadContext> context, Pool::Open open,
                 std::shared_ptr<connector::ChangeSource> changes)
      : context_(std::move(context)), open_(std::move(open)), changes_(std::move(changes)) {}

  Result<plan::Capabilities> capabilities() override {
    const ServerFacts server = WEIR_TRY(named(server_facts()));
    return postgres::capabilities(server.encoding == "UTF8");
  }

  Result<connector::SourceSchemaPtr> schema(bool refresh) override {
    return WEIR_TRY(named(context_->schema->get(refresh)))->schema;
  }

  void forget_schema() override { context_->schema->forget(); }

  Result<std::unique_ptr<connector::ReadTransaction>> begin(int expected_reads) override {
    return std::make_unique<PostgresReadTransaction>(context_, expected_reads);
  }

  Result<std::unique_ptr<connector::ReadTransaction>> begin_at(const std::string& snapshot) override {
    return std::make_unique<PostgresReadTransaction>(context_, snapshot);
  }

  std::shared_ptr<connector::ChangeSource> changes() override { return changes_; }

  Result<connector::ConnectionReport> test() override {
    Waiter waiter;
    const Deadline deadline = steady_clock::now() + context_->options.connect_timeout;
    const auto connection = WEIR_TRY(named(open_(waiter, deadline)));
    const auto asked = steady_clock::now();
    WEIR_TRY(named(connection->run("", waiter, deadline)));
    const std::chrono::duration<double, std::milli> round_trip = steady_clock::now() - asked;
    connector::ConnectionReport report{.version = "PG " + connection->server().version,
                                       .tls = connection->uses_tls(),
                                       .round_trip_ms = round_trip.count(),
                                       .warnings = {}};
    if (connection->server().encoding != "UTF8") {
      report.warnings.push_back("the database's encoding is " + connection->server().encoding +
                                ": comparisons of text are not sent to it");
    }
    return report;
  }

  connector::PoolStats pool() const override { return context_->pool->stats(); }

 private:
  Result<ServerFacts> server_facts() {
    if (auto known = context_->pool->server()) return *known;
    Waiter waiter;
    const Lease lease = WEIR_TRY(context_->pool->acquire(waiter));
    return lease->server();
  }

  /// `result` with the connector's name in its error.
  template <typename T>
  Result<T> named(Result<T> result) const {
    if (!result) result.error().source = context_->connector;
    return result;
  }

  const std::shared_ptr<const ReadContext> context_;
  const Pool::Open open_;
  const std::shared_ptr<connector::ChangeSource> changes_;
};

/// Secrets are resolved anew for each connection, so that a rotated password is taken.
Pool::Open make_open(const PostgresOptions& options, const options::SecretResolver& secrets) {
  return [options, secrets](Waiter& waiter, Deadline deadline) -> Result<std::unique_ptr<Connection>> {
    const ConnectionParameters parameters = WEIR_TRY(make_parameters(options, secrets));
    return Connection::open(parameters, {.statement_timeout = options.statement_timeout}, waiter, deadline);
  };
}

/// With a connection that died unnoticed replaced without a word.
Result<IntrospectionPtr> load_schema(Pool& pool, const PostgresOptions& options) {
  Waiter waiter;
  const Deadline deadline = steady_clock::now() + kIntrospectionMax;
  Lease lease = WEIR_TRY(pool.acquire(waiter));
  auto found = introspect(*lease, options, waiter, deadline);
  if (!found && found.error().code == ErrorCode::source_connection_lost && lease.was_reused()) {
    WEIR_TRY(lease.reopen(waiter));
    found = introspect(*lease, options, waiter, deadline);
  }
  return found;
}

}  // namespace

Result<std::shared_ptr<connector::Source>> open_source(const connector::Spec& spec,
                                                       const options::SecretResolver& secrets) {
  const PostgresOptions options = WEIR_TRY(read_options(spec.body));
  const auto modes = postgres_type().modes;
  if (std::ranges::find(modes, spec.mode) == modes.end()) {
    return fail(ErrorCode::not_available_yet,
                "mode '" + std::string(connector::to_string(spec.mode)) + "' is not built yet for postgres",
                "register with mode 'federation'; a live copy comes with a later version");
  }
  if (spec.mode != connector::Mode::federation) WEIR_TRY(connector::read_sync_options(spec.body));
  // The answer is dropped: this only proves that every secret resolves and the URL can be read.
  WEIR_TRY(make_parameters(options, secrets));
  Pool::Open open = make_open(options, secrets);
  auto context = std::make_shared<ReadContext>();
  context->connector = spec.name;
  context->options = options;
  context->pool = Pool::make(
      open, {.size_max = options.pool_size, .wait_max = options.pool_wait, .connect_timeout = options.connect_timeout});
  context->schema = std::make_shared<SchemaCache>(
      [pool = context->pool, options] { return load_schema(*pool, options); }, options.schema_cache);
  auto changes = std::make_shared<ChangeContext>();
  changes->connector = spec.name;
  changes->slot = slot_name(spec.id.empty() ? spec.name : spec.id);
  changes->options = options;
  changes->open = open;
  changes->parameters = [options, secrets] { return make_parameters(options, secrets); };
  return std::make_shared<PostgresSource>(std::move(context), std::move(open), make_changes(std::move(changes)));
}

connector::Type postgres_type() {
  return {.name = "postgres",
          .description = "A PostgreSQL database, queried where it stands or kept as a live copy.",
          .modes = {connector::Mode::federation, connector::Mode::sync, connector::Mode::both},
          .declared = &postgres_option_group,
          .open = &open_source};
}

}  // namespace weir::postgres
