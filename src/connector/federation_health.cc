#include "connector/federation_health.h"

#include <utility>

namespace weir::connector {
namespace {

bool source_is_unusable(ErrorCode code) {
  switch (code) {
    case ErrorCode::source_auth_failed:
    case ErrorCode::source_unreachable:
    case ErrorCode::source_connection_lost:
    case ErrorCode::tls_not_offered:
    case ErrorCode::tls_certificate_invalid:
    case ErrorCode::secret_unresolvable:
      return true;
    default:
      return false;
  }
}

ScanOutcome outcome_of(const Error* error) {
  if (error == nullptr) return ScanOutcome::ok;
  return error->code == ErrorCode::cancelled ? ScanOutcome::cancelled : ScanOutcome::failed;
}

std::string text_of(const Error& error) { return std::string(describe(error.code).name) + ": " + error.message; }

}  // namespace

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::federating:
      return "federating";
    case Phase::errored:
      return "errored";
    case Phase::paused:
      return "paused";
  }
  std::unreachable();
}

std::optional<PhaseChange> FederationHealth::scan_ended(Time at, double duration_ms, uint64_t rows,
                                                        const Error* error) {
  const ScanOutcome outcome = outcome_of(error);
  window_.add(at, outcome, duration_ms, rows);
  if (outcome == ScanOutcome::cancelled) return std::nullopt;
  if (error == nullptr || source_is_unusable(error->code)) return contacted(error);
  last_error_ = text_of(*error);
  return std::nullopt;
}

std::optional<PhaseChange> FederationHealth::contacted(const Error* error) {
  const Phase before = phase();
  faulty_ = error != nullptr;
  if (error != nullptr) last_error_ = text_of(*error);
  return change_since(before, error != nullptr ? last_error_ : "recovered");
}

std::optional<PhaseChange> FederationHealth::reopened(std::string reason) {
  const Phase before = phase();
  faulty_ = false;
  return change_since(before, std::move(reason));
}

std::optional<PhaseChange> FederationHealth::set_paused(bool paused, std::string reason) {
  const Phase before = phase();
  paused_ = paused;
  return change_since(before, std::move(reason));
}

Phase FederationHealth::phase() const {
  if (paused_) return Phase::paused;
  return faulty_ ? Phase::errored : Phase::federating;
}

std::string_view FederationHealth::status(Time at) const {
  switch (phase()) {
    case Phase::paused:
      return "paused";
    case Phase::errored:
      return "errored";
    case Phase::federating:
      return figures(at).failures > 0 ? "degraded" : "healthy";
  }
  std::unreachable();
}

std::optional<PhaseChange> FederationHealth::change_since(Phase before, std::string reason) const {
  if (phase() == before) return std::nullopt;
  return PhaseChange{before, phase(), std::move(reason)};
}

}  // namespace weir::connector
