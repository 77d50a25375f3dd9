/// A real engine over a directory, with what landings need, for tests.
#pragma once

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "connector/fleet.h"
#include "engine/engine.h"
#include "state/store.h"
#include "sync/landing.h"

namespace weir::sync::testing {

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  return std::move(*result);
}
inline void must(const Status& status) {
  if (!status) throw std::runtime_error(status.error().to_string());
}

/// Opened by the constructor; parts go in the reverse of their order here.
class TestEngine {
 public:
  explicit TestEngine(const std::filesystem::path& data)
      : directory_(must(lake::DataDirectory::open(data, ""))),
        store_(must(state::Store::open(directory_->state_file()))),
        committer(lake::CommitterOptions{}, directory_->extents(), metrics_),
        fleet_(std::make_unique<connector::Fleet>(registry_, secrets_, *store_, metrics_)) {
    engine::EngineOptions options;
    options.ducklake_extension = WEIR_DUCKLAKE_EXTENSION;
    options.threads = 2;
    engine_ = must(engine::Engine::open(options, *directory_, *fleet_, committer, metrics_));
    session = open_session();
  }

  std::unique_ptr<lake::SqlSession> open_session() { return must(engine_->open_session()); }
  Result<std::unique_ptr<Landing>> open_landing(const std::string& connector, LandingOptions options) {
    return Landing::open(
        connector, [this] { return engine_->open_session(); }, committer, committer.epoch(), std::move(options));
  }

 private:
  connector::Registry registry_{{}};
  options::SecretResolver secrets_;
  telemetry::Metrics metrics_;
  std::unique_ptr<lake::DataDirectory> directory_;
  std::unique_ptr<state::Store> store_;

 public:
  lake::Committer committer;

 private:
  std::unique_ptr<connector::Fleet> fleet_;
  std::unique_ptr<engine::Engine> engine_;

 public:
  std::unique_ptr<lake::SqlSession> session;
};

}  // namespace weir::sync::testing
