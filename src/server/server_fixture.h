/// For tests: a server on a free port, over a scripted engine and a fleet of fake sources.
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "connector/fleet_fixture.h"
#include "server/client_fixture.h"
#include "server/engine_fixture.h"
#include "server/server.h"

namespace weir::server::testing {

class ServerTest : public ::testing::Test {
 protected:
  static constexpr const char* kReadToken = "read-token-0123456789";
  static constexpr const char* kWriteToken = "write-token-0123456789";
  static constexpr const char* kAdminToken = "admin-token-0123456789";
  static constexpr const char* kShopToken = "shop-token-0123456789";

  ServerTest() {
    options.listen = "127.0.0.1:0";
    EXPECT_TRUE(fleet.start(observer));
  }
  ~ServerTest() override {
    stop();
    if (!options.token_file.empty()) std::filesystem::remove(options.token_file);
  }

  void start() {
    auto opened = Server::open(options, fleet, engine, metrics);
    ASSERT_TRUE(opened) << opened.error().to_string();
    server = std::move(*opened);
    thread = std::thread([this] { server->run(); });
  }
  void start_with_tokens() {
    options.token_file = write_token_file(std::string(kReadToken) + " read\n" + kWriteToken + " write\n" + kAdminToken +
                                          " admin\n" + kShopToken + " read PG_Shop\n");
    start();
  }
  void stop() {
    if (!thread.joinable()) return;
    server->stop();
    thread.join();
    server.reset();
  }
  RawClient client(int receive_bytes = 0) const { return RawClient(server->address(), receive_bytes); }
  /// One request on a connection of its own.
  Answer ask(const std::string& method, const std::string& target, const std::string& body = "",
             const std::string& fields = "") const {
    return client().ask(method, target, body, fields);
  }
  static std::string bearer(const char* token) { return "Authorization: Bearer " + std::string(token) + "\r\n"; }
  Answer register_source(const std::string& name, const std::string& fields = "") const {
    const nlohmann::json body = {
        {"name", name}, {"type", "fake"}, {"mode", "federation"}, {"connection", {{"url", "fake://db"}}}};
    return ask("POST", "/v1/connectors", body.dump(), "Content-Type: application/json\r\n" + fields);
  }

  std::filesystem::path write_token_file(const std::string& text, mode_t mode = 0600) {
    const auto file = std::filesystem::path(::testing::TempDir()) / ("tokens-" + std::to_string(::getpid()) + "-" +
                                                                     std::to_string(reinterpret_cast<uintptr_t>(this)));
    std::ofstream(file) << text;
    ::chmod(file.c_str(), mode);
    return file;
  }

  ServerOptions options;
  ScriptedEngine engine;
  telemetry::Metrics metrics;
  connector::testing::MemoryStore store;
  std::shared_ptr<connector::testing::FakeWorld> world = std::make_shared<connector::testing::FakeWorld>();
  connector::Registry registry{{connector::testing::fake_type(world)}};
  options::SecretResolver secrets;
  connector::testing::RecordingObserver observer;
  connector::Fleet fleet{registry, secrets, store, metrics};
  std::unique_ptr<Server> server;
  std::thread thread;
};

}  // namespace weir::server::testing
