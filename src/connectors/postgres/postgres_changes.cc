#include "connectors/postgres/postgres_changes.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <unistd.h>

#include "base/ids.h"
#include "connectors/postgres/postgres_change_stream.h"
#include "connectors/postgres/postgres_publication.h"
#include "connectors/postgres/postgres_replication.h"
#include "connectors/postgres/schema_drift.h"
#include "connectors/postgres/source_catalog.h"

namespace weir::postgres {
namespace {

using connector::Position;
using std::chrono::steady_clock;

/// A new slot waits for all transactions that are open on the source.
constexpr auto kSlotMax = std::chrono::minutes(5);
/// A connection that was cut holds the slot until the source notices.
constexpr auto kStartMax = std::chrono::seconds(20);

/// An exported snapshot, held by the transaction of a connection of its own.
class HeldSnapshot final : public connector::SnapshotPoint {
 public:
  HeldSnapshot(std::unique_ptr<Connection> connection, Lsn position, std::string name,
               std::chrono::system_clock::time_point taken_at)
      : connection_(std::move(connection)),
        position_(to_position(position)),
        name_(std::move(name)),
        taken_at_(taken_at) {}

  const Position& position() const override { return position_; }
  const std::string& name() const override { return name_; }
  std::chrono::system_clock::time_point taken_at() const override { return taken_at_; }

 private:
  const std::unique_ptr<Connection> connection_;
  const Position position_;
  const std::string name_;
  const std::chrono::system_clock::time_point taken_at_;
};

class PostgresChanges final : public connector::ChangeSource {
 public:
  explicit PostgresChanges(std::shared_ptr<const ChangeContext> context)
      : context_(std::move(context)), watching_(context_, waiter_, context_->options.connect_timeout) {}

  Result<std::vector<connector::SyncCandidate>> examine(const std::vector<plan::TableName>& tables) override {
    return named([&] { return examine_tables(tables); });
  }

  Status publish(const std::vector<plan::TableName>& tables) override {
    return named([&]() -> Status {
      Waiter waiter;
      SourceCatalog catalog(context_, waiter);
      WEIR_TRY(check_identities(catalog, tables));
      return publish_tables(catalog, context_->slot, tables);
    });
  }

  Result<std::vector<plan::TableName>> unpublished(const std::vector<plan::TableName>& tables) override {
    return named([&]() -> Result<std::vector<plan::TableName>> {
      const std::lock_guard lock(mutex_);
      return unpublished_tables(watching_, context_->slot, tables);
    });
  }

  Result<std::unique_ptr<connector::SnapshotPoint>> follow(std::stop_token stop) override {
    return named([&] { return make_point(context_->slot, /*temporary=*/false, stop); });
  }

  Result<std::unique_ptr<connector::SnapshotPoint>> snapshot_point(std::stop_token stop) override {
    std::string name = context_->slot.substr(0, 40) + "_" + new_uuid().substr(0, 8);
    return named([&] { return make_point(name, /*temporary=*/true, stop); });
  }

  Result<std::unique_ptr<connector::ChangeStream>> stream(const Position& from,
                                                          std::vector<connector::ChangeTablePtr> tables,
                                                          const connector::GroupLimits& limits) override {
    return named([&] { return open_stream(from, std::move(tables), limits); });
  }

  Result<Position> position_of(const std::string& text) override {
    if (const auto lsn = lsn_of(text)) return to_position(*lsn);
    if (!text.empty() && lsn_at(text)) return to_position(*lsn_at(text));
    return fail(ErrorCode::invalid_option, "not a position of a PostgreSQL source: '" + text + "'",
                "write it as pg_current_wal_lsn() shows it, for example 16/B374D848");
  }

  Result<connector::ChangeSourceState> state() override {
    return named([&]() -> Result<connector::ChangeSourceState> {
      const std::lock_guard lock(mutex_);
      return read_slot_state(watching_, context_->slot);
    });
  }

  Result<connector::SourceMoment> moment() override {
    return named([&]() -> Result<connector::SourceMoment> {
      const std::lock_guard lock(mutex_);
      return read_moment(watching_);
    });
  }

  Result<std::vector<plan::TableName>> missing(const std::vector<plan::TableName>& tables) override {
    return named([&]() -> Result<std::vector<plan::TableName>> {
      const std::lock_guard lock(mutex_);
      const auto found = WEIR_TRY(watching_.tables(tables));
      std::vector<plan::TableName> missing;
      for (const auto& table : tables) {
        if (std::ranges::find(found, table, &TableFacts::name) == found.end()) missing.push_back(table);
      }
      return missing;
    });
  }

  Result<connector::TableStop> fate(const connector::ChangeTable& table) override {
    return named([&]() -> Result<connector::TableStop> {
      const connector::TableStop dropped{"table_dropped", "no table " + table.name.to_string() + " is on the source"};
      const auto memo = memo_of(table.memo, table.columns.size());
      if (!memo) return dropped;
      const std::lock_guard lock(mutex_);
      const auto now = WEIR_TRY(watching_.table(memo->oid, /*xid=*/0));
      if (!now || now->name == table.name) return dropped;
      return renamed_stop(now->name);
    });
  }

  Status heartbeat() override {
    return named([&]() -> Status {
      const std::lock_guard lock(mutex_);
      WEIR_TRY(watching_.run("SELECT pg_logical_emit_message(false, 'weir', '')"));
      return {};
    });
  }

  Status forget() override {
    return named([&]() -> Status {
      Waiter waiter;
      SourceCatalog catalog(context_, waiter);
      auto dropped = drop_slot_and_publication(catalog, context_->slot, waiter);
      if (!dropped) {
        dropped.error().message +=
            "; what stays on the source: the replication slot and the publication " + context_->slot;
      }
      return dropped;
    });
  }

 private:
  Deadline deadline() const { return steady_clock::now() + context_->options.connect_timeout; }

  /// What `work` answers, with the connector's name in its error.
  template <typename Work>
  auto named(const Work& work) const -> decltype(work()) {
    auto result = work();
    if (!result) result.error().source = context_->connector;
    return result;
  }

  Result<std::unique_ptr<ReplicationConnection>> open_replication(Waiter& waiter) const {
    return ReplicationConnection::open(WEIR_TRY(context_->parameters()), waiter, deadline());
  }

  Result<std::vector<connector::SyncCandidate>> examine_tables(const std::vector<plan::TableName>& tables) const {
    Waiter waiter;
    SourceCatalog catalog(context_, waiter);
    WEIR_TRY(open_replication(waiter));  // or the reason why not
    std::map<plan::TableName, connector::SyncCandidate> found;
    for (const TableFacts& facts : WEIR_TRY(catalog.tables(tables))) found[facts.name] = judge(facts);
    std::vector<connector::SyncCandidate> candidates;
    for (const plan::TableName& table : tables) {
      if (!in_scope(context_->options, table)) {
        candidates.push_back({nullptr, connector::TableStop{"out_of_scope", "let connector.scope show the table"}});
      } else if (const auto one = found.find(table); one != found.end()) {
        candidates.push_back(one->second);
      } else {
        candidates.push_back(
            {nullptr, connector::TableStop{"table_not_found", "no table " + table.to_string() + " is on the source"}});
      }
    }
    return candidates;
  }

  /// A table without an identity refuses every UPDATE and DELETE as soon as it is published.
  static Status check_identities(SourceCatalog& catalog, const std::vector<plan::TableName>& tables) {
    for (const TableFacts& facts : WEIR_TRY(catalog.tables(tables))) {
      const auto candidate = judge(facts);
      if (!candidate.stop) continue;
      return fail(ErrorCode::invalid_request,
                  "cannot publish table " + facts.name.to_string() + ": " + candidate.stop->reason,
                  candidate.stop->hint);
    }
    return {};
  }

  /// Makes a slot, and hands its snapshot to a connection that holds no slot: a temporary one is gone with this call,
  /// and with it the log that it keeps on the source.
  Result<std::unique_ptr<connector::SnapshotPoint>> make_point(const std::string& slot, bool temporary,
                                                               const std::stop_token& stop) const {
    Waiter waiter(stop);
    const auto replication = WEIR_TRY(open_replication(waiter));
    auto created = replication->create_slot(slot, temporary, waiter, steady_clock::now() + kSlotMax);
    if (!created) {
      const ErrorCode code = created.error().code;
      if (code == ErrorCode::cancelled || code == ErrorCode::timeout) end_backend(replication->connection());
      return fail(std::move(created.error()));
    }
    const NewSlot made = std::move(*created);
    auto holder = WEIR_TRY(context_->open(waiter, deadline()));
    const auto results = WEIR_TRY(holder->run(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT " + quote_literal(made.snapshot) +
            "; SELECT pg_export_snapshot(), (extract(epoch FROM clock_timestamp()) * 1000000)::int8",
        waiter, deadline()));
    const auto taken_at = std::chrono::system_clock::time_point(
        std::chrono::microseconds(std::stoll(text_at(results.at(2).get(), 0, 1))));
    return std::make_unique<HeldSnapshot>(std::move(holder), made.consistent_point, text_at(results.at(2).get(), 0, 0),
                                          taken_at);
  }

  /// One that makes a slot goes on until all older transactions have ended, whether anybody waits for it or not. When
  /// this fails it does so.
  void end_backend(const Connection& busy) const {
    Waiter waiter;
    SourceCatalog catalog(context_, waiter, context_->options.connect_timeout);
    static_cast<void>(catalog.run(fmt::format("SELECT pg_terminate_backend({})", busy.backend_pid())));
  }

  Result<std::vector<FollowedTable>> known_tables(SourceCatalog& catalog,
                                                  std::vector<connector::ChangeTablePtr> tables) const {
    std::vector<plan::TableName> forgotten;
    for (const auto& table : tables) {
      if (!memo_of(table->memo, table->columns.size())) forgotten.push_back(table->name);
    }
    std::map<plan::TableName, TableFacts> facts;
    if (!forgotten.empty()) {
      for (TableFacts& one : WEIR_TRY(catalog.tables(forgotten))) facts[one.name] = std::move(one);
    }
    std::vector<FollowedTable> known;
    for (auto& table : tables) {
      const auto found = facts.find(table->name);
      known.push_back(known_table(std::move(table), found == facts.end() ? nullptr : &found->second));
    }
    return known;
  }

  Result<std::unique_ptr<connector::ChangeStream>> open_stream(const Position& from,
                                                               std::vector<connector::ChangeTablePtr> tables,
                                                               const connector::GroupLimits& limits) const {
    Waiter waiter;
    const Lsn begin = WEIR_TRY(lsn_at(from));
    SourceCatalog catalog(context_, waiter);
    auto known = WEIR_TRY(known_tables(catalog, std::move(tables)));
    const auto state = WEIR_TRY(read_slot_state(catalog, context_->slot));
    if (!state.follows) {
      return fail(ErrorCode::replication_slot_missing, "the replication slot is gone on the source: " + context_->slot);
    }
    if (begin && state.confirmed > from) {
      return fail(ErrorCode::sync_data_loss,
                  "the replication slot stands at " + state.confirmed + ", ahead of the copy, which stands at " + from);
    }
    auto replication = WEIR_TRY(open_replication(waiter));
    WEIR_TRY(replication->start({context_->slot, context_->slot, begin}, waiter, steady_clock::now() + kStartMax));
    // After the slot is ours: the directory of a stream before may have been in use until now.
    auto streamed = WEIR_TRY(StreamedTransactions::open(spill_directory(limits), limits.spill_memory_bytes));
    StreamOrder order{std::move(known), begin, limits, std::move(streamed)};
    return std::make_unique<PostgresChangeStream>(context_, std::move(replication), std::move(order));
  }

  std::filesystem::path spill_directory(const connector::GroupLimits& limits) const {
    if (!limits.spill_directory.empty()) return limits.spill_directory;
    return std::filesystem::temp_directory_path() / fmt::format("{}-{}", context_->slot, getpid());
  }

  const std::shared_ptr<const ChangeContext> context_;
  std::mutex mutex_;
  Waiter waiter_;           // under `mutex_`
  SourceCatalog watching_;  // under `mutex_`: what is asked again and again keeps its connection
};

}  // namespace

std::string slot_name(const std::string& connector_id) {
  std::string name = "weir_";
  for (const char c : connector_id) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') {
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  name.resize(std::min<size_t>(name.size(), 63));
  return name;
}

std::shared_ptr<connector::ChangeSource> make_changes(std::shared_ptr<const ChangeContext> context) {
  return std::make_shared<PostgresChanges>(std::move(context));
}

}  // namespace weir::postgres
