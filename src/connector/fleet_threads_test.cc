/// Everything at once, for the thread sanitizer and for the fleet's own consistency.
#include <thread>

#include "connector/fleet_fixture.h"

namespace weir::connector {
namespace {

class FleetThreads : public testing::FleetTest {
 protected:
  static constexpr int kRounds = 300;

  static std::string name_of(int i) { return "shared_" + std::to_string(i % 3); }

  void change(int round) {
    const std::string name = name_of(round);
    fleet->create(body(name));
    fleet->update(name, {{"connection", {{"pool_size", 1 + round % 50}}}});
    if (round % 4 == 3) fleet->remove(name);
  }
  void pause(int round) {
    fleet->pause(name_of(round), round % 2 == 0 ? Scope::all : Scope::federation);
    fleet->resume(name_of(round), Scope::all);
  }
  void scan(int round) {
    const Error error{ErrorCode::source_unreachable, "gone", "", ""};
    if (!fleet->may_read_live(name_of(round))) return;
    const auto source = observer->source(name_of(round));
    EXPECT_TRUE(source == nullptr || source->begin(1));
    fleet->record_scan(name_of(round), testing::read_stats(round, 1), round % 5 == 0 ? &error : nullptr);
  }
  void look(int round) {
    now = now.load() + std::chrono::seconds(3);
    fleet->status(name_of(round));
    fleet->events(name_of(round));
    fleet->health();
    fleet->list();
    metrics.text();
  }
};

TEST_F(FleetThreads, ManyThreadsLeaveAConsistentFleet) {
  const std::vector<std::function<void(int)>> actions = {
      [this](int round) { change(round); }, [this](int round) { change(round); }, [this](int round) { pause(round); },
      [this](int round) { scan(round); },   [this](int round) { scan(round); },   [this](int round) { look(round); }};
  std::vector<std::jthread> threads;
  for (const auto& action : actions) {
    threads.emplace_back([&action] {
      for (int round = 0; round < kRounds; round++) action(round);
    });
  }
  threads.clear();

  const size_t registered = fleet->list()["items"].size();
  EXPECT_EQ(registered, store.connectors().value().size());
  EXPECT_EQ(registered, observer->count());
  for (int i = 0; i < 3; i++) fleet->remove(name_of(i));
  EXPECT_EQ(world->alive, 0);
  EXPECT_EQ(observer->count(), 0u);
  EXPECT_EQ(metrics.text().find("shared_"), std::string::npos);
}

TEST_F(FleetThreads, SomeThreadsCreateOneNameOnlyOnce) {
  std::atomic<int> created = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; i++) {
    threads.emplace_back([&] { created += fleet->create(body("only_one")).has_value() ? 1 : 0; });
  }
  threads.clear();
  EXPECT_EQ(created, 1);
}

}  // namespace
}  // namespace weir::connector
