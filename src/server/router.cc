#include "server/router.h"

#include <algorithm>
#include <optional>
#include <set>

namespace weir::server {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const size_t end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

bool is_name(std::string_view segment) { return segment.starts_with('{'); }

bool fits(std::span<const std::string_view> pattern, std::span<const std::string_view> path) {
  return std::ranges::equal(pattern, path, [](std::string_view wanted, std::string_view got) {
    return is_name(wanted) ? !got.empty() : wanted == got;
  });
}

/// The patterns of one path differ in their first {name} only, so counting them orders them.
int names_in(std::string_view pattern) { return static_cast<int>(std::ranges::count(pattern, '{')); }

Result<Parameters> values_of(std::span<const std::string_view> pattern, std::span<const std::string_view> path) {
  Parameters values;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (!is_name(pattern[i])) continue;
    values.emplace(pattern[i].substr(1, pattern[i].size() - 2), WEIR_TRY(percent_decode(path[i], false)));
  }
  return values;
}

std::string join(const std::set<std::string>& methods) {
  std::string text;
  for (const std::string& method : methods) text += (text.empty() ? "" : ", ") + method;
  return text;
}

}  // namespace

Result<Router::Found> Router::find(std::string_view method, std::string_view path) const {
  if (!path.starts_with('/')) return Found{};
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  const auto segments = split(path);
  Found found;
  std::optional<int> names_least;
  std::set<std::string> methods;
  for (const Route& route : routes_) {
    if (!fits(split(route.pattern), segments)) continue;
    const int names = names_in(route.pattern);
    if (!names_least || names < *names_least) {
      names_least = names;
      found.route = nullptr;
      methods.clear();
    }
    if (names > *names_least) continue;
    methods.emplace(route.method);
    if (route.method == "GET") methods.emplace("HEAD");
    if (route.method == wanted) found.route = &route;
  }
  if (found.route == nullptr) {
    found.allow = join(methods);
    return found;
  }
  found.path = WEIR_TRY(values_of(split(found.route->pattern), segments));
  return found;
}

}  // namespace weir::server
