#include "connector/federation_health.h"

#include <gtest/gtest.h>

namespace weir::connector {
namespace {

const FederationHealth::Time kNow{std::chrono::seconds(1000)};

std::optional<PhaseChange> scan(FederationHealth& health, std::optional<ErrorCode> code) {
  const Error error{code.value_or(ErrorCode::internal), "text", "", ""};
  return health.scan_ended(kNow, 5, 1, code ? &error : nullptr);
}

TEST(FederationHealth, BeginsHealthy) {
  const FederationHealth health;
  EXPECT_EQ(health.phase(), Phase::federating);
  EXPECT_EQ(health.status(kNow), "healthy");
}

TEST(FederationHealth, ChangesOnceForManyErrorsAndOnceForManySuccesses) {
  FederationHealth health;
  const auto onset = scan(health, ErrorCode::source_unreachable);
  ASSERT_TRUE(onset);
  EXPECT_EQ(onset->from, Phase::federating);
  EXPECT_EQ(onset->to, Phase::errored);
  EXPECT_EQ(onset->reason, "source_unreachable: text");
  EXPECT_FALSE(scan(health, ErrorCode::source_auth_failed));
  const auto recovery = scan(health, std::nullopt);
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->to, Phase::federating);
  EXPECT_FALSE(scan(health, std::nullopt));
}

TEST(FederationHealth, IsDegradedAfterRecoveryUntilTheErrorsAreOld) {
  FederationHealth health;
  scan(health, ErrorCode::source_connection_lost);
  EXPECT_EQ(health.status(kNow), "errored");
  scan(health, std::nullopt);
  EXPECT_EQ(health.status(kNow), "degraded");
  EXPECT_EQ(health.status(kNow + std::chrono::minutes(6)), "healthy");
}

TEST(FederationHealth, DoesNotBlameTheSourceForAQuerysOwnErrors) {
  FederationHealth health;
  for (const ErrorCode code : {ErrorCode::value_out_of_range, ErrorCode::source_query_failed, ErrorCode::pool_exhausted,
                               ErrorCode::schema_drift}) {
    EXPECT_FALSE(scan(health, code));
  }
  EXPECT_EQ(health.phase(), Phase::federating);
  EXPECT_EQ(health.figures(kNow).failures, 4u);
  EXPECT_EQ(health.last_error(), "schema_drift: text");
}

TEST(FederationHealth, LearnsNothingFromACancelledScan) {
  FederationHealth health;
  scan(health, ErrorCode::source_unreachable);
  EXPECT_FALSE(scan(health, ErrorCode::cancelled));
  EXPECT_EQ(health.phase(), Phase::errored);
  EXPECT_EQ(health.figures(kNow).failures, 1u);
}

TEST(FederationHealth, PauseHidesErrorsAndResumeShowsThem) {
  FederationHealth health;
  EXPECT_EQ(health.set_paused(true, "manual")->to, Phase::paused);
  EXPECT_FALSE(health.set_paused(true, "manual"));
  EXPECT_FALSE(scan(health, ErrorCode::source_unreachable));
  EXPECT_EQ(health.status(kNow), "paused");
  EXPECT_EQ(health.set_paused(false, "manual")->to, Phase::errored);
}

}  // namespace
}  // namespace weir::connector
