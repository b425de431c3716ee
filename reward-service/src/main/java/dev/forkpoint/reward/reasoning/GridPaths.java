package dev.forkpoint.reward.reasoning;

import dev.forkpoint.reward.verifier.CounterRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A grid with walls, a start and a goal; the answer is a shortest way as letters U, D, L, R. Any
 * shortest way is right. The grid has 3 + difficulty rows and columns.
 */
final class GridPaths implements ReasoningTask {
    private static final String MOVES = "UDLR";
    private static final int[][] STEPS = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};

    @Override
    public String name() {
        return "grid-paths";
    }

    @Override
    public Question make(CounterRandom random, int difficulty) {
        int size = 3 + difficulty;
        while (true) {
            char[][] grid = new char[size][size];
            for (char[] row : grid) {
                for (int i = 0; i < size; i++) {
                    row[i] = random.below(10) < 3 ? '#' : '.';
                }
            }
            int start = random.below(size * size);
            int goal = random.below(size * size);
            grid[start / size][start % size] = 'S';
            grid[goal / size][goal % size] = 'G';
            String path = start == goal ? null : shortest(grid);
            if (path != null && path.length() >= Math.min(size, 2 + difficulty)) {
                List<String> rows = new ArrayList<>();
                for (char[] row : grid) {
                    rows.add(new String(row));
                }
                String question =
                        "Find a shortest way from S to G in this grid; # is a wall. Answer with the moves U, D, L, R, without blanks.\n"
                                + String.join("\n", rows);
                return new Question(question, path);
            }
        }
    }

    @Override
    public @Nullable String problemOf(String answer, String problem, String gold) {
        String path = answer.toUpperCase(Locale.ROOT).replaceAll("[\\s,]", "");
        if (path.length() != gold.length()) {
            return "%d moves instead of %d".formatted(path.length(), gold.length());
        }
        String[] lines = problem.strip().split("\n");
        int rows = 0;
        while (rows < lines.length
                && lines[lines.length - 1 - rows].strip().matches("[#.SG]{3,}")) {
            rows++;
        }
        if (rows == 0) {
            return "no grid in the problem";
        }
        char[][] grid = new char[rows][];
        int at = -1;
        for (int i = 0; i < rows; i++) {
            grid[i] = lines[lines.length - rows + i].strip().toCharArray();
            if (grid[i].length != rows) {
                return "no square grid in the problem";
            }
            int s = new String(grid[i]).indexOf('S');
            at = s < 0 ? at : i * rows + s;
        }
        if (at < 0) {
            return "no start in the problem";
        }
        for (int i = 0; i < path.length(); i++) {
            int move = MOVES.indexOf(path.charAt(i));
            if (move < 0) {
                return "\"%s\" is no move".formatted(path.charAt(i));
            }
            int row = at / rows + STEPS[move][0];
            int column = at % rows + STEPS[move][1];
            if (row < 0
                    || column < 0
                    || row >= rows
                    || column >= rows
                    || grid[row][column] == '#') {
                return "move %d leaves the grid or hits a wall".formatted(i + 1);
            }
            at = row * rows + column;
        }
        return grid[at / rows][at % rows] == 'G' ? null : "does not end at G";
    }

    /** Breadth-first search; null if there is no way. */
    private static @Nullable String shortest(char[][] grid) {
        int size = grid.length;
        String[] ways = new String[size * size];
        List<Integer> queue = new ArrayList<>();
        for (int i = 0; i < size * size; i++) {
            if (grid[i / size][i % size] == 'S') {
                ways[i] = "";
                queue.add(i);
            }
        }
        for (int head = 0; head < queue.size(); head++) {
            int at = queue.get(head);
            if (grid[at / size][at % size] == 'G') {
                return ways[at];
            }
            for (int move = 0; move < 4; move++) {
                int row = at / size + STEPS[move][0];
                int column = at % size + STEPS[move][1];
                int next = row * size + column;
                if (row >= 0
                        && column >= 0
                        && row < size
                        && column < size
                        && grid[row][column] != '#'
                        && ways[next] == null) {
                    ways[next] = ways[at] + MOVES.charAt(move);
                    queue.add(next);
                }
            }
        }
        return null;
    }
}
