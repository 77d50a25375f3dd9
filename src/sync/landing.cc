/// Which landing a connector gets.
#include "sync/landing.h"

#include "sync/direct_landing.h"
#include "sync/hot_landing.h"
#include "telemetry/log.h"

namespace weir::sync {
namespace {

struct Place {
  const std::string& connector;
  const Landing::OpenSession& sessions;
  lake::Committer& committer;
  lake::FoldEpoch& epoch;
  const LandingOptions& options;
};

template <typename Kind>
Result<std::unique_ptr<Landing>> open_as(const Place& place) {
  auto landing = std::make_unique<Kind>(place.connector, place.sessions, place.committer, place.epoch, place.options);
  WEIR_TRY(landing->open());
  return landing;
}

/// What landed the other way knows nothing of what comes now: it goes.
template <typename Other>
Status forget(const Place& place) {
  const auto session = WEIR_TRY(place.sessions());
  if (!WEIR_TRY(Other::has_landed(*session, place.connector))) return {};
  telemetry::log(telemetry::Level::warning, "landing_changed",
                 {{"connector", place.connector}, {"consequence", "its tables are copied anew"}});
  auto other = WEIR_TRY(open_as<Other>(place));
  return other->drop_all();
}

}  // namespace

Result<std::unique_ptr<Landing>> Landing::open(const std::string& connector, const OpenSession& sessions,
                                               lake::Committer& committer, lake::FoldEpoch& epoch,
                                               const LandingOptions& options) {
  const Place place{connector, sessions, committer, epoch, options};
  if (options.kind == LandingKind::direct) {
    WEIR_TRY(forget<HotLanding>(place));
    return open_as<DirectLanding>(place);
  }
  WEIR_TRY(forget<DirectLanding>(place));
  return open_as<HotLanding>(place);
}

}  // namespace weir::sync
