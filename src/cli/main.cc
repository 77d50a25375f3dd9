/// The program's entry.
#include <clocale>

#include "cli/command.h"

int main(int argc, char** argv) {
  // First of all: it blocks signals for every thread that starts later.
  weir::cli::Signals signals;
  std::setlocale(LC_CTYPE, "");  // NOLINT(concurrency-mt-unsafe): no other thread reads the locale yet
  weir::cli::Console console;
  weir::cli::Context context{console, signals};
  return weir::cli::run_program(argc, argv, context);
}
