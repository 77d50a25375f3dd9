/// The health of a connector's live side: a small state machine over scans, health checks and pauses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "connector/scan_window.h"

namespace weir::connector {

/// Where the live side of a connector stands.
enum class Phase : uint8_t {
  federating,  ///< live reads run
  errored,     ///< the source could not be used when it was last tried; the next read tries again
  paused,      ///< live reads are refused
};
std::string_view to_string(Phase phase);

/// A step from one phase to another; every one becomes an event.
struct PhaseChange {
  Phase from, to;
  std::string reason;
};

/// Not thread-safe. Texts of errors come in masked.
class FederationHealth {
 public:
  using Time = ScanWindow::Time;

  /// A scan ended. Only errors that say the source cannot be used (unreachable, refused, lost, TLS) begin the error
  /// phase, only a success ends it; the others count. A cancelled scan says nothing about the source.
  std::optional<PhaseChange> scan_ended(Time at, double duration_ms, uint64_t rows, const Error* error);
  /// The source was asked for its version, or could not even be opened; any error begins the error phase.
  std::optional<PhaseChange> contacted(const Error* error);
  /// The source was opened in a new way, so what is known of the old one counts no more.
  std::optional<PhaseChange> reopened(std::string reason);
  std::optional<PhaseChange> set_paused(bool paused, std::string reason);

  Phase phase() const;
  bool paused() const { return paused_; }
  /// "healthy", "degraded" (works, but scans failed in the last five minutes), "paused" or "errored".
  std::string_view status(Time at) const;
  ScanFigures figures(Time at) const { return window_.figures(at); }
  /// The last error, also after recovery; empty: none yet.
  const std::string& last_error() const { return last_error_; }

 private:
  std::optional<PhaseChange> change_since(Phase before, std::string reason) const;

  ScanWindow window_;
  bool faulty_ = false;
  bool paused_ = false;
  std::string last_error_;
};

}  // namespace weir::connector
