#include "connector/event_journal.h"

#include <utility>

#include "telemetry/log.h"

namespace weir::connector {

void EventJournal::add(std::string connector_id, state::EventRow event) {
  const std::lock_guard lock(pending_mutex_);
  pending_.push_back({std::move(connector_id), std::move(event)});
}

void EventJournal::flush() {
  const std::lock_guard writing(write_mutex_);
  while (true) {
    Entry entry;
    {
      const std::lock_guard lock(pending_mutex_);
      if (pending_.empty()) return;
      entry = std::move(pending_.front());
      pending_.pop_front();
    }
    const Status written = store_.append_event(entry.connector_id, entry.event, kEventsKept);
    if (written) continue;
    telemetry::log(
        telemetry::Level::error, "connector_event_lost",
        {{"connector_id", entry.connector_id}, {"to", entry.event.to}, {"error", written.error().to_string()}});
  }
}

}  // namespace weir::connector
