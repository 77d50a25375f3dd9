#include "connector/scan_window.h"

#include <limits>

#include <gtest/gtest.h>

namespace weir::connector {
namespace {

using std::chrono::seconds;

ScanWindow::Time at(int64_t second) { return ScanWindow::Time(seconds(100'000 + second)); }

TEST(ScanWindow, KnowsNothingBeforeTheFirstScan) {
  const ScanFigures figures = ScanWindow().figures(at(0));
  EXPECT_EQ(figures.scans, 0u);
  EXPECT_EQ(figures.p50_ms, std::nullopt);
}

TEST(ScanWindow, GivesQuantilesToWithinFivePercent) {
  ScanWindow window;
  for (int i = 1; i <= 1000; i++) window.add(at(i / 10), ScanOutcome::ok, i, 1);
  const ScanFigures figures = window.figures(at(100));
  EXPECT_NEAR(*figures.p50_ms, 500, 25);
  EXPECT_NEAR(*figures.p99_ms, 990, 50);
  EXPECT_EQ(figures.rows, 1000u);
}

TEST(ScanWindow, HoldsTheWholeRangeOfDurations) {
  for (const double duration : {0.02, 1.0, 14.0, 230.0, 60'000.0, 3'600'000.0}) {
    ScanWindow window;
    window.add(at(0), ScanOutcome::ok, duration, 0);
    EXPECT_NEAR(*window.figures(at(0)).p50_ms, duration, duration * 0.05);
  }
}

TEST(ScanWindow, ToleratesAnyNumber) {
  ScanWindow window;
  for (const double duration : {-1.0, 0.0, 1e300, std::numeric_limits<double>::quiet_NaN()})
    window.add(at(0), ScanOutcome::ok, duration, 0);
  EXPECT_EQ(window.figures(at(0)).scans, 4u);
}

TEST(ScanWindow, ForgetsAfterFiveMinutes) {
  ScanWindow window;
  window.add(at(0), ScanOutcome::failed, 1, 0);
  window.add(at(200), ScanOutcome::ok, 1, 0);
  EXPECT_EQ(window.figures(at(289)).scans, 2u);
  EXPECT_EQ(window.figures(at(300)).scans, 1u);
  EXPECT_EQ(window.figures(at(300)).failures, 0u);
  EXPECT_EQ(window.figures(at(500)).scans, 0u);
}

TEST(ScanWindow, ReusesItsSlots) {
  ScanWindow window;
  for (int64_t second = 0; second < 3000; second++) window.add(at(second), ScanOutcome::ok, 5, 0);
  EXPECT_EQ(window.figures(at(2999)).scans, 300u);
}

TEST(ScanWindow, CountsFailuresAndCancelledScansButNotTheirDurations) {
  ScanWindow window;
  window.add(at(0), ScanOutcome::failed, 1000, 0);
  window.add(at(0), ScanOutcome::cancelled, 1000, 0);
  window.add(at(0), ScanOutcome::ok, 10, 0);
  const ScanFigures figures = window.figures(at(0));
  EXPECT_EQ(figures.scans, 3u);
  EXPECT_EQ(figures.failures, 1u);
  EXPECT_NEAR(*figures.p99_ms, 10, 0.5);
}

}  // namespace
}  // namespace weir::connector
