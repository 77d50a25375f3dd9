/// SET and USE statements of a shell or script. Queries have no session on the server, so these are sent again with
/// each.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::cli {

class RememberedSettings {
 public:
  /// Takes note of a statement that succeeded: SET replaces an earlier SET of the same name, USE an earlier USE, RESET
  /// forgets; every other statement is ignored. Comments are left out.
  void note(std::string_view statement);
  /// `statement` with what is remembered before it, on the same line, so that line numbers in errors stay right.
  std::string apply(std::string_view statement) const;

 private:
  std::vector<std::pair<std::string, std::string>> statements_;  // name, text
};

}  // namespace weir::cli
