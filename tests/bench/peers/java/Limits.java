// The JVM's side of the rows of the limits: what it costs to ask for the processors, which it reads
// from the container anew when its answer is 20 ms old, and when it sees a change.
public final class Limits {
    public static void main(String[] words) throws InterruptedException {
        Runtime runtime = Runtime.getRuntime();
        if (words[0].equals("limits")) {
            double[] took = new double[200];
            for (int i = 0; i < took.length; ++i) {
                Thread.sleep(25);
                long begin = System.nanoTime();
                runtime.availableProcessors();
                took[i] = (System.nanoTime() - begin) / 1000.0;
            }
            java.util.Arrays.sort(took);
            System.out.println("tick " + took[took.length / 2]);
            return;
        }
        // System.nanoTime() is CLOCK_MONOTONIC, which other processes have too.
        for (int now = 0;; Thread.sleep(1)) {
            int seen = runtime.availableProcessors();
            if (seen == now) continue;
            System.out.println(seen + " " + System.nanoTime());
            System.out.flush();
            now = seen;
        }
    }
}
