/// Doubles for the tests of the fleet: a source that does as it is told, a store in memory, a clock that is set.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connector/fleet.h"

namespace weir::connector::testing {

/// What the fake sources of one test do; shared by all of them. Thread-safe.
struct FakeWorld {
  std::mutex mutex;
  std::optional<Error> open_error;  ///< what opening answers
  std::optional<Error> test_error;  ///< what a contact answers
  std::atomic<int> opened = 0, tested = 0, alive = 0;

  void set(std::optional<Error> FakeWorld::* which, std::optional<Error> error) {
    const std::lock_guard lock(mutex);
    this->*which = std::move(error);
  }
  std::optional<Error> get(std::optional<Error> FakeWorld::* which) {
    const std::lock_guard lock(mutex);
    return this->*which;
  }
};

/// Of a scan that has ended.
inline ReadStats read_stats(double duration_ms, uint64_t rows) {
  ReadStats stats;
  stats.duration_ms = duration_ms;
  stats.rows = rows;
  return stats;
}

class FakeStream : public BatchStream {
 public:
  Result<Poll> poll(std::function<void()>) override { return Poll{}; }
  void cancel() override {}
  ReadStats stats() const override {
    ReadStats stats;
    stats.rows = 7;
    return stats;
  }
  int parallelism() const override { return 1; }
};

class FakeTransaction : public ReadTransaction {
 public:
  Result<std::unique_ptr<BatchStream>> read(const plan::Scan&, const ReadOptions&) override {
    return std::make_unique<FakeStream>();
  }
};

class FakeSource : public Source {
 public:
  FakeSource(std::shared_ptr<FakeWorld> world, int pool_size) : world_(std::move(world)), pool_size_(pool_size) {
    world_->alive++;
  }
  ~FakeSource() override { world_->alive--; }

  Result<plan::Capabilities> capabilities() override { return plan::Capabilities{}; }
  Result<SourceSchemaPtr> schema(bool) override { return std::make_shared<const SourceSchema>(); }
  void forget_schema() override {}
  Result<std::unique_ptr<ReadTransaction>> begin(int) override { return std::make_unique<FakeTransaction>(); }
  Result<ConnectionReport> test() override {
    world_->tested++;
    if (auto error = world_->get(&FakeWorld::test_error)) return fail(*std::move(error));
    return ConnectionReport{.version = "Fake 15.4", .tls = true, .round_trip_ms = 1.25, .warnings = {}};
  }
  PoolStats pool() const override { return {.in_use = 1, .idle = 2, .max = pool_size_}; }

 private:
  std::shared_ptr<FakeWorld> world_;
  int pool_size_;
};

inline const options::Group& fake_body() {
  using options::Option;
  using options::ValueType;
  static const options::Group connection{
      .name = "connection",
      .doc = "How it is reached.",
      .options = {
          {.name = "url", .doc = "Where it is.", .required = true},
          {.name = "secret_ref", .doc = "The password.", .secret = true},
          {.name = "tls", .doc = "Encryption.", .default_value = "required", .choices = {"required", "disabled"}},
          {.name = "pool_size",
           .type = ValueType::integer,
           .doc = "Connections.",
           .default_value = 5,
           .minimum = 1,
           .maximum = 50}}};
  static const options::Group group = [] {
    options::Group body{.name = "fake", .doc = "A fake.", .options = identity_options()};
    body.options.push_back(
        {.name = "connection", .type = ValueType::group, .doc = "How.", .required = true, .group = &connection});
    return body;
  }();
  return group;
}

inline Type fake_type(std::shared_ptr<FakeWorld> world) {
  return {.name = "fake",
          .description = "A source that does as it is told.",
          .modes = {Mode::federation},
          .declared = &fake_body,
          .open = [world = std::move(world)](const Spec& spec,
                                             const options::SecretResolver&) -> Result<std::shared_ptr<Source>> {
            if (auto error = world->get(&FakeWorld::open_error)) return fail(*std::move(error));
            world->opened++;
            return std::make_shared<FakeSource>(world, spec.body.at("connection").at("pool_size").get<int>());
          }};
}

/// A store in memory, which can be told to refuse.
class MemoryStore : public state::Store {
 public:
  Result<std::vector<state::ConnectorRow>> connectors() override {
    const std::lock_guard lock(mutex_);
    std::vector<state::ConnectorRow> rows;
    for (const auto& [id, row] : rows_) rows.push_back(row);
    return rows;
  }
  Status put_connector(const state::ConnectorRow& row) override {
    const std::lock_guard lock(mutex_);
    if (refuses) return fail(ErrorCode::disk_full, "disk is full");
    rows_[row.id] = row;
    return {};
  }
  Status delete_connector(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    if (refuses) return fail(ErrorCode::disk_full, "disk is full");
    rows_.erase(id);
    events_.erase(id);
    return {};
  }
  Status append_event(const std::string& id, const state::EventRow& event, int keep) override {
    const std::lock_guard lock(mutex_);
    if (refuses) return fail(ErrorCode::disk_full, "disk is full");
    if (!rows_.contains(id)) ADD_FAILURE() << "event for a connector that is not stored: " << event.reason;
    auto& events = events_[id];
    events.insert(events.begin(), event);
    if (events.size() > static_cast<size_t>(keep)) events.resize(static_cast<size_t>(keep));
    return {};
  }
  Result<std::vector<state::EventRow>> events(const std::string& id, int limit) override {
    const std::lock_guard lock(mutex_);
    std::vector<state::EventRow> events = events_[id];
    if (events.size() > static_cast<size_t>(limit)) events.resize(static_cast<size_t>(limit));
    return events;
  }
  Result<std::vector<state::SyncStopRow>> sync_stops(const std::string&) override {
    return std::vector<state::SyncStopRow>();
  }
  Status put_sync_stop(const std::string&, const state::SyncStopRow&) override { return {}; }
  Status delete_sync_stop(const std::string&, const std::string&) override { return {}; }

  std::atomic<bool> refuses = false;

 private:
  std::mutex mutex_;
  std::map<std::string, state::ConnectorRow> rows_;
  std::map<std::string, std::vector<state::EventRow>> events_;
};

/// Remembers what is attached. Thread-safe.
class RecordingObserver : public FleetObserver {
 public:
  Status attached(const Spec& spec, std::shared_ptr<Source> source) override {
    const std::lock_guard lock(mutex_);
    if (refuses) return fail(ErrorCode::already_exists, "catalog exists");
    if (!sources_.try_emplace(spec.name, std::move(source)).second) ADD_FAILURE() << "attached twice: " << spec.name;
    return {};
  }
  void detached(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    if (sources_.erase(name) == 0) ADD_FAILURE() << "detached without being attached: " << name;
  }
  std::shared_ptr<Source> source(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = sources_.find(name);
    return found == sources_.end() ? nullptr : found->second;
  }
  size_t count() {
    const std::lock_guard lock(mutex_);
    return sources_.size();
  }

  std::atomic<bool> refuses = false;

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Source>> sources_;
};

/// A fleet over doubles that has started. `now` moves both clocks.
class FleetTest : public ::testing::Test {
 protected:
  FleetTest() { start(); }

  /// As after a restart of the process: a new fleet and a new observer over the same store.
  void start() {
    fleet.reset();
    observer = std::make_unique<RecordingObserver>();
    fleet = std::make_unique<Fleet>(registry, secrets, store, metrics, clock());
    const Status started = fleet->start(*observer);
    ASSERT_TRUE(started) << started.error().to_string();
  }

  static nlohmann::json body(const std::string& name = "pg_prod") {
    return {{"name", name},
            {"type", "fake"},
            {"mode", "federation"},
            {"connection", {{"url", "fake://app@db"}, {"secret_ref", "$env:PG_PASSWORD"}}}};
  }
  std::string create(const std::string& name = "pg_prod") {
    const auto saved = fleet->create(body(name));
    EXPECT_TRUE(saved) << saved.error().to_string();
    return saved ? saved->id : "";
  }
  nlohmann::json status(const std::string& name = "pg_prod") {
    const auto document = fleet->status(name);
    EXPECT_TRUE(document) << document.error().to_string();
    return document.value_or(nlohmann::json());
  }
  /// "from>to: reason" of all events, oldest first.
  std::vector<std::string> events(const std::string& name = "pg_prod") {
    std::vector<std::string> lines;
    const auto found = fleet->events(name);
    EXPECT_TRUE(found) << found.error().to_string();
    if (!found) return lines;
    for (const Event& event : *found) lines.push_back(event.from + ">" + event.to + ": " + event.reason);
    std::ranges::reverse(lines);
    return lines;
  }

  Clock clock() {
    return {[this] { return std::chrono::system_clock::time_point(now.load()); },
            [this] { return std::chrono::steady_clock::time_point(now.load()); }};
  }

  std::atomic<std::chrono::seconds> now = std::chrono::seconds(1'709'208'000);
  std::shared_ptr<FakeWorld> world = std::make_shared<FakeWorld>();
  Registry registry{{fake_type(world)}};
  std::map<std::string, std::string> variables{{"PG_PASSWORD", "hunter2"}};
  options::SecretResolver secrets{[this](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  }};
  MemoryStore store;
  telemetry::Metrics metrics;
  std::unique_ptr<RecordingObserver> observer;
  std::unique_ptr<Fleet> fleet;
};

}  // namespace weir::connector::testing
