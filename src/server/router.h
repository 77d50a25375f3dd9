/// Which code answers which method and path.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "server/http.h"

namespace weir::server {

/// Who may use a route.
enum class Access : uint8_t {
  open,     ///< everybody
  metrics,  ///< everybody on a loopback address, otherwise as `read`
  read,
  write,
  admin,
};

/// A request that was found worth an answer.
struct Call {
  Request request;
  std::string request_id;
  engine::Principal principal;
  Parameters path;        ///< values of the pattern's {names}, decoded
  Parameters parameters;  ///< those of the query string
};

using RouteHandler = std::function<Result<Response>(const Call& call, Client& client)>;

struct Route {
  std::string_view method;
  std::string_view pattern;  ///< "/v1/connectors/{id}/pause"
  Access access = Access::admin;
  RouteHandler handler;
  std::vector<std::string> parameters{};  ///< names that the query string may have
  std::vector<std::string> body_types{};  ///< media types that the body may have; empty: there is no body to read
  bool while_draining = false;            ///< answered while the server stops
};

class Router {
 public:
  struct Found {
    const Route* route = nullptr;  ///< null: none
    Parameters path;
    std::string allow;  ///< the path's methods, when it is the method that does not fit
  };

  void add(Route route) { routes_.push_back(std::move(route)); }
  /// A segment of letters goes before a {name}; HEAD is answered by GET. Errors: invalid_request (a wrong escape).
  Result<Found> find(std::string_view method, std::string_view path) const;
  std::span<const Route> routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace weir::server
