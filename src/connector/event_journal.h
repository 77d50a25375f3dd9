/// Writes the transitions of connectors to the store, in the order in which they happened.
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "state/store.h"

namespace weir::connector {

/// How many events of a connector are kept.
inline constexpr int kEventsKept = 100;

/// How many wait for a store that cannot be written to, because its disk is full.
inline constexpr size_t kEventsWaitingMax = 1000;

/// `add` is quick and is called where the transition happens, under that state's lock; `flush` writes and is called
/// without locks. An event that cannot be written must not fail a query: it waits for the next time, and is logged.
/// Thread-safe.
class EventJournal {
 public:
  explicit EventJournal(state::Store& store) : store_(store) {}

  void add(std::string connector_id, state::EventRow event);
  /// Everything added before the call is in the store when it returns, if that can be written to.
  void flush();
  /// Newest first, those that wait too. Errors: those of Store::events.
  Result<std::vector<state::EventRow>> events(const std::string& connector_id);

 private:
  struct Entry {
    std::string connector_id;
    state::EventRow event;
  };

  void write_pending();

  state::Store& store_;
  std::mutex write_mutex_;  ///< taken first; keeps the order between threads that flush
  std::mutex pending_mutex_;
  std::deque<Entry> pending_;
};

}  // namespace weir::connector
