#include "connector/event_journal.h"

#include <ranges>
#include <utility>

#include "telemetry/log.h"

namespace weir::connector {

void EventJournal::add(std::string connector_id, state::EventRow event) {
  const std::lock_guard lock(pending_mutex_);
  pending_.push_back({std::move(connector_id), std::move(event)});
}

void EventJournal::flush() {
  const std::lock_guard writing(write_mutex_);
  write_pending();
}

void EventJournal::write_pending() {
  while (true) {
    Entry entry;
    {
      const std::lock_guard lock(pending_mutex_);
      if (pending_.empty()) return;
      entry = pending_.front();
    }
    const Status written = store_.append_event(entry.connector_id, entry.event, kEventsKept);
    const std::lock_guard lock(pending_mutex_);
    if (!written && pending_.size() <= kEventsWaitingMax) {
      return telemetry::log(telemetry::Level::error, "connector_events_wait",
                            {{"events", std::to_string(pending_.size())}, {"error", written.error().to_string()}});
    }
    pending_.pop_front();
    if (written) continue;
    telemetry::log(
        telemetry::Level::error, "connector_event_lost",
        {{"connector_id", entry.connector_id}, {"to", entry.event.to}, {"error", written.error().to_string()}});
  }
}

Result<std::vector<state::EventRow>> EventJournal::events(const std::string& connector_id) {
  const std::lock_guard writing(write_mutex_);
  write_pending();
  std::vector<state::EventRow> events;
  {
    const std::lock_guard lock(pending_mutex_);
    for (const Entry& entry : pending_ | std::views::reverse) {
      if (entry.connector_id == connector_id) events.push_back(entry.event);
    }
  }
  for (auto& stored : WEIR_TRY(store_.events(connector_id, kEventsKept))) events.push_back(std::move(stored));
  if (events.size() > kEventsKept) events.resize(kEventsKept);
  return events;
}

}  // namespace weir::connector
