#include "options/binding.h"

namespace weir::options::detail {
namespace {

void add_paths(const Group& group, const std::string& prefix, std::vector<std::string>& paths) {
  for (const Option& option : group.options) {
    const std::string path = prefix + std::string(option.name);
    if (option.type == ValueType::group) {
      add_paths(*option.group, path + ".", paths);
    } else {
      paths.push_back(path);
    }
  }
}

}  // namespace

std::vector<std::string> paths(const Group& group) {
  std::vector<std::string> paths;
  add_paths(group, "", paths);
  return paths;
}

const nlohmann::json* find(const nlohmann::json& body, std::string_view path) {
  const nlohmann::json* at = &body;
  while (true) {
    const size_t dot = path.find('.');
    if (!at->is_object()) return nullptr;
    const auto found = at->find(path.substr(0, dot));
    if (found == at->end() || found->is_null()) return nullptr;
    at = &*found;
    if (dot == std::string_view::npos) return at;
    path.remove_prefix(dot + 1);
  }
}

}  // namespace weir::options::detail
